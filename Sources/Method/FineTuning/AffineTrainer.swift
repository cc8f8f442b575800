import FixresRuntime

/// The maps that meet at the end of the last block: what its last batch norm reads, and the shortcut.
package struct LastBlockMaps {
  /// `[samples, 2, channels, positions]`: the batch norm's input x, then the shortcut r.
  package let base: UnsafePointer<Float>
  package let channels: Int
  package let positions: Int

  package init(base: UnsafePointer<Float>, channels: Int, positions: Int) {
    (self.base, self.channels, self.positions) = (base, channels, positions)
  }

  package var floatsPerSample: Int { 2 * channels * positions }

  @inline(__always)
  func batchNormInput(_ sample: Int, _ channel: Int) -> UnsafePointer<Float> {
    base + (sample &* floatsPerSample &+ channel &* positions)
  }

  @inline(__always)
  func shortcut(_ sample: Int, _ channel: Int) -> UnsafePointer<Float> {
    base + (sample &* floatsPerSample &+ (channels &+ channel) &* positions)
  }
}

/// A batch norm with fixed statistics, the sum with the shortcut, ReLU and the global average after it.
package struct LastBlockHead: Hashable, Sendable {
  package var gamma: [Double]
  package var beta: [Double]
  package let mean: [Double]
  /// 1 / sqrt(variance + epsilon).
  package let inverseDeviation: [Double]

  package init(
    gamma: [Float], beta: [Float], statistics: BatchNormStatistics, epsilon: Double
  ) {
    self.gamma = gamma.map(Double.init)
    self.beta = beta.map(Double.init)
    mean = statistics.mean.map(Double.init)
    inverseDeviation = statistics.variance.map { 1 / (Double($0) + epsilon).squareRoot() }
  }

  package var channels: Int { gamma.count }

  /// What one channel of one sample gives.
  package struct Pooled {
    /// The mean of ReLU(gamma x^ + beta + r) over the positions.
    package var feature = 0.0
    /// Its derivatives: the share of positions that are active, and their sum of x^ over all positions.
    package var byBeta = 0.0
    package var byGamma = 0.0
  }

  /// The pooled feature and its derivatives from rows of `positions` values.
  @inline(__always)
  package func pool(
    _ x: UnsafePointer<Float>, _ r: UnsafePointer<Float>, channel: Int, positions: Int
  ) -> Pooled {
    let scale = gamma[channel] * inverseDeviation[channel]
    let offset = beta[channel] - mean[channel] * scale
    return Self.pool(
      x, r, positions, scale: scale, offset: offset, mean: mean[channel],
      inverseDeviation: inverseDeviation[channel])
  }

  @inline(__always)
  static func pool(
    _ x: UnsafePointer<Float>, _ r: UnsafePointer<Float>, _ positions: Int, scale: Double, offset: Double,
    mean: Double, inverseDeviation: Double
  ) -> Pooled {
    var (sum, active, activeSum) = (0.0, 0.0, 0.0)
    for index in 0..<positions {
      let value = Double(x[index])
      let z = value * scale + offset + Double(r[index])
      let isActive = z > 0 ? 1.0 : 0.0
      sum += z > 0 ? z : 0
      active += isActive
      activeSum += isActive * value
    }
    let share = 1 / Double(positions)
    return Pooled(
      feature: sum * share, byBeta: active * share,
      byGamma: (activeSum - active * mean) * inverseDeviation * share)
  }

  /// The pooled features `[samples, stride]` of all of `maps`, rows padded with zeros.
  package func features(
    _ maps: LastBlockMaps, samples: Int, stride: Int, into target: UnsafeMutablePointer<Float>
  ) {
    for sample in 0..<samples {
      let row = target + sample * stride
      for channel in 0..<channels {
        let pooled = pool(
          maps.batchNormInput(sample, channel), maps.shortcut(sample, channel), channel: channel,
          positions: maps.positions)
        row[channel] = Float(pooled.feature)
      }
      (row + channels).update(repeating: 0, count: stride - channels)
    }
  }
}

/// Trains a linear classifier together with gamma and beta of the batch norm before it.
package final class AffineTrainer {
  package let classifier: ClassifierTrainer
  package private(set) var head: LastBlockHead
  package private(set) var gammaVelocity: [Double]
  package private(set) var betaVelocity: [Double]
  /// `[rows, featureStride]`: dL/dfeatures.
  private let featureGradients: AlignedBlock
  /// `[batchSize, channels]`: the features' derivatives by gamma and by beta.
  private var byGamma: [Double]
  private var byBeta: [Double]

  package init(classifier: ClassifierTrainer, head: LastBlockHead) {
    precondition(
      classifier.features == head.channels,
      "a classifier of \(classifier.features) features can't follow \(head.channels) channels")
    (self.classifier, self.head) = (classifier, head)
    gammaVelocity = [Double](repeating: 0, count: head.channels)
    betaVelocity = gammaVelocity
    let rows = (classifier.batchSize + 1) / 2 * 2
    featureGradients = AlignedBlock(floatCount: rows * classifier.featureStride)
    byGamma = [Double](repeating: 0, count: classifier.batchSize * head.channels)
    byBeta = byGamma
  }

  /// Takes one step on the samples `indices` of `maps`.
  package func step(
    _ maps: LastBlockMaps, labels: UnsafePointer<Int32>, indices: ArraySlice<Int>, rate: Double,
    schedule: TrainingSchedule, into score: inout ClassifierTrainer.Score
  ) {
    classifier.begin(labels, indices)
    pool(maps, indices)
    classifier.fillPanels()
    classifier.set(rate, schedule)
    classifier.forward(into: &score)
    classifier.featureGradient(into: featureGradients.floats)
    classifier.update()
    let gradient = parameterGradient(images: indices.count)
    update(&head.gamma, &gammaVelocity, gradient.gamma, rate, schedule)
    update(&head.beta, &betaVelocity, gradient.beta, rate, schedule)
  }

  /// Loss and hits over all `count` samples of `maps`, without a step or label smoothing.
  package func evaluate(
    _ maps: LastBlockMaps, labels: UnsafePointer<Int32>, count: Int
  ) -> ClassifierTrainer.Score {
    let stride = classifier.featureStride
    let rows = AlignedBlock(floatCount: count * stride)
    head.features(maps, samples: count, stride: stride, into: rows.floats)
    return classifier.evaluate(rows.floats, labels: labels, count: count)
  }

  /// Takes up parameters and momentum where they were left.
  package func restore(gamma: [Double], beta: [Double], gammaVelocity: [Double], betaVelocity: [Double]) {
    precondition(
      [gamma, beta, gammaVelocity, betaVelocity].allSatisfy { $0.count == head.channels },
      "the state is that of another batch norm")
    (head.gamma, head.beta) = (gamma, beta)
    (self.gammaVelocity, self.betaVelocity) = (gammaVelocity, betaVelocity)
  }

  private func pool(_ maps: LastBlockMaps, _ indices: ArraySlice<Int>) {
    let (head, channels, stride) = (head, head.channels, classifier.featureStride)
    let rows = classifier.batch.features
    byGamma.withUnsafeMutableBufferPointer { byGamma in
      byBeta.withUnsafeMutableBufferPointer { byBeta in
        for (row, sample) in indices.enumerated() {
          for channel in 0..<channels {
            let pooled = head.pool(
              maps.batchNormInput(sample, channel), maps.shortcut(sample, channel), channel: channel,
              positions: maps.positions)
            rows[row &* stride &+ channel] = Float(pooled.feature)
            byGamma[row &* channels &+ channel] = pooled.byGamma
            byBeta[row &* channels &+ channel] = pooled.byBeta
          }
          for channel in channels..<stride { rows[row &* stride &+ channel] = 0 }
        }
      }
    }
  }

  /// dL/dgamma and dL/dbeta of the batch at hand.
  func parameterGradient(images: Int) -> (gamma: [Double], beta: [Double]) {
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
    _ values: inout [Double], _ velocity: inout [Double], _ gradient: [Double], _ rate: Double,
    _ schedule: TrainingSchedule
  ) {
    for index in values.indices {
      velocity[index] =
        schedule.momentum * velocity[index] + gradient[index] + schedule.weightDecay * values[index]
      values[index] -= rate * velocity[index]
    }
  }
}
