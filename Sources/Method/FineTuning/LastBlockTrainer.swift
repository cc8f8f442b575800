import FixresRuntime

/// Trains a linear classifier over maps: with the last batch norm's gamma and beta, with the statistics of each
/// batch, or with both.
///
/// Results are the same bits at every thread count: one thread computes a channel entirely.
package final class LastBlockTrainer {
  /// The trainer of the classifier, which runs on the pooled features.
  package let classifier: ClassifierTrainer
  /// With the statistics that the network is to be run with.
  package private(set) var head: LastBlockHead
  /// Running averages of the batches' statistics, as torch keeps them in training; nil where statistics are fixed.
  package private(set) var running: BatchNormStatistics?
  /// Whether gamma and beta are trained.
  package let trainsAffine: Bool
  /// The momentum of gamma, one a channel.
  package private(set) var gammaVelocity: [Double]
  /// The momentum of beta, one a channel.
  package private(set) var betaVelocity: [Double]
  private let pool: ThreadPool
  /// `[rows, featureStride]`: dL/dfeatures.
  private let featureGradients: AlignedBlock
  /// `[batchSize, channels]`: the features' derivatives.
  private let byGamma, byBeta: UnsafeMutablePointer<Double>
  /// `[channels]`: what the batch at hand has been normalised by.
  private let means, squares: UnsafeMutablePointer<Double>

  /// A trainer that starts from `head`; `running` asks for the statistics of batches and is what they start from.
  package init(
    classifier: ClassifierTrainer, head: LastBlockHead, running: BatchNormStatistics?, trainsAffine: Bool,
    pool: ThreadPool
  ) {
    precondition(
      classifier.features == head.channels,
      "a classifier of \(classifier.features) features can't follow \(head.channels) channels")
    (self.classifier, self.head, self.running) = (classifier, head, running)
    (self.trainsAffine, self.pool) = (trainsAffine, pool)
    gammaVelocity = [Double](repeating: 0, count: head.channels)
    betaVelocity = gammaVelocity
    let rows = (classifier.batchSize + 1) / 2 * 2
    featureGradients = AlignedBlock(floatCount: rows * classifier.featureStride)
    func zeros(_ count: Int) -> UnsafeMutablePointer<Double> {
      let pointer = UnsafeMutablePointer<Double>.allocate(capacity: count)
      pointer.initialize(repeating: 0, count: count)
      return pointer
    }
    byGamma = zeros(classifier.batchSize * head.channels)
    byBeta = zeros(classifier.batchSize * head.channels)
    (means, squares) = (zeros(head.channels), zeros(head.channels))
    if let running { self.head.normalise(by: running) }
  }

  deinit {
    for pointer in [byGamma, byBeta, means, squares] { pointer.deallocate() }
  }

  /// Takes one step on the samples `indices` of `maps`.
  package func step(
    _ maps: LastBlockMaps, labels: UnsafePointer<Int32>, indices: ArraySlice<Int>, rate: Double,
    schedule: TrainingSchedule, into score: inout ClassifierTrainer.Score
  ) {
    classifier.begin(labels, indices)
    forward(maps, indices)
    classifier.fillPanels()
    classifier.set(rate, schedule)
    classifier.forward(into: &score)
    if trainsAffine { classifier.featureGradient(into: featureGradients.floats) }
    classifier.update()
    guard trainsAffine else { return }
    let gradient = parameterGradient(images: indices.count)
    update(&head.gamma, velocity: &gammaVelocity, by: gradient.gamma, rate: rate, schedule)
    update(&head.beta, velocity: &betaVelocity, by: gradient.beta, rate: rate, schedule)
  }

  /// Features that an evaluation keeps at a time.
  private static let evaluatedFloats = 1 << 20

  /// Loss and hits over all `count` samples of `maps`, without a step or label smoothing.
  package func evaluate(
    _ maps: LastBlockMaps, labels: UnsafePointer<Int32>, count: Int
  ) -> ClassifierTrainer.Score {
    let stride = classifier.featureStride
    // Whole batches, whose sums are then those of all samples at once.
    let part = max(1, Self.evaluatedFloats / (stride * classifier.batchSize)) * classifier.batchSize
    let rows = AlignedBlock(floatCount: max(min(count, part), 1) * stride)
    var score = ClassifierTrainer.Score()
    for first in Swift.stride(from: 0, to: count, by: part) {
      let images = min(part, count - first)
      pool.run(images) { [head] begin, end in
        head.features(
          maps, first + begin..<first + end, stride: stride, into: rows.floats + begin * stride)
      }
      classifier.evaluate(rows.floats, labels: labels + first, count: images, into: &score)
    }
    return score
  }

  /// Restores parameters and momentum of an interrupted training.
  package func restore(
    gamma: [Double], beta: [Double], gammaVelocity: [Double], betaVelocity: [Double],
    running: BatchNormStatistics?
  ) {
    precondition(
      [gamma, beta, gammaVelocity, betaVelocity].allSatisfy { $0.count == head.channels }
        && (running == nil) == (self.running == nil), "the state is that of another batch norm")
    (head.gamma, head.beta) = (gamma, beta)
    (self.gammaVelocity, self.betaVelocity) = (gammaVelocity, betaVelocity)
    guard let running else { return }
    self.running = running
    head.normalise(by: running)
  }

  // MARK: - Parts of a step

  /// The features of a batch and their derivatives, under the batch's own statistics where `running` is kept.
  private func forward(_ maps: LastBlockMaps, _ indices: ArraySlice<Int>) {
    let (head, usesBatch) = (head, running != nil)
    pool.run(head.channels) { begin, end in
      for channel in begin..<end {
        var norm = head[channel]
        if usesBatch {
          (means[channel], squares[channel]) = maps.moments(indices, channel)
          let variance = squares[channel] / Double(indices.count &* maps.positions)
          norm.normalise(mean: means[channel], inverseDeviation: head.inverse(variance))
        }
        poolRows(maps, indices, channel: channel, norm)
      }
    }
    let rest = classifier.featureStride - head.channels
    for row in 0..<indices.count {
      (classifier.batch.features + (row * classifier.featureStride + head.channels))
        .update(repeating: 0, count: rest)
    }
    guard usesBatch else { return }
    running?.update(
      with: ChannelMoments(
        count: indices.count * maps.positions, images: indices.count,
        means: Array(UnsafeBufferPointer(start: means, count: head.channels)),
        squares: Array(UnsafeBufferPointer(start: squares, count: head.channels))))
    if let running { self.head.normalise(by: running) }
  }

  @inline(__always)
  private func poolRows(
    _ maps: LastBlockMaps, _ indices: ArraySlice<Int>, channel: Int, _ norm: LastBlockChannel
  ) {
    let (rows, stride, channels) = (classifier.batch.features, classifier.featureStride, maps.channels)
    for (row, sample) in indices.enumerated() {
      let pooled = norm.pool(
        maps.batchNormInput(sample, channel), maps.shortcut(sample, channel), positions: maps.positions)
      rows[row &* stride &+ channel] = Float(pooled.feature)
      byGamma[row &* channels &+ channel] = pooled.byGamma
      byBeta[row &* channels &+ channel] = pooled.byBeta
    }
  }

  /// dL/dgamma and dL/dbeta of the current batch.
  private func parameterGradient(images: Int) -> (gamma: [Double], beta: [Double]) {
    let (channels, stride) = (head.channels, classifier.featureStride)
    var gamma = [Double](repeating: 0, count: channels)
    var beta = gamma
    for row in 0..<images {
      for channel in 0..<channels {
        let slope = Double(featureGradients.floats[row &* stride &+ channel])
        gamma[channel] += slope * byGamma[row &* channels &+ channel]
        beta[channel] += slope * byBeta[row &* channels &+ channel]
      }
    }
    return (gamma, beta)
  }

  private func update(
    _ values: inout [Double], velocity: inout [Double], by gradient: [Double], rate: Double,
    _ schedule: TrainingSchedule
  ) {
    for index in values.indices {
      velocity[index] =
        schedule.momentum * velocity[index] + gradient[index] + schedule.weightDecay * values[index]
      values[index] -= rate * velocity[index]
    }
  }
}

extension ThreadPool {
  /// Calls `body` with the parts of `0 ..< count`, one a thread.
  func run(_ count: Int, _ body: (_ begin: Int, _ end: Int) -> Void) {
    withoutActuallyEscaping(body) { body in
      var body = body
      withUnsafePointer(to: &body) { body in
        run(
          { arguments, _, begin, end, _ in
            arguments.assumingMemoryBound(to: ((Int, Int) -> Void).self).pointee(begin, end)
          }, body, body, count: count)
      }
    }
  }
}
