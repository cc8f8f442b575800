import FixresBase
import FixresMethod
import FixresRuntime
import Testing

/// The last batch norm, the sum with the shortcut, ReLU, pooling, classifier and loss in double precision, by their
/// definitions: what the trainer's forward pass and gradients are held against.
private struct PlainTail {
  /// `[samples][channels][positions]`
  var x: [[[Double]]]
  let r: [[[Double]]]
  var gamma: [Double]
  var beta: [Double]
  let mean: [Double]
  let variance: [Double]
  /// Whether the batch's own statistics are used instead of `mean` and `variance`.
  let usesBatch: Bool
  var classifier: PlainClassifier
  let labels: [Int32]

  func statistics(_ channel: Int) -> (mean: Double, variance: Double) {
    guard usesBatch else { return (mean[channel], variance[channel]) }
    let values = x.flatMap { $0[channel] }
    let mean = values.reduce(0, +) / Double(values.count)
    return (mean, values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count))
  }

  var features: [[Double]] {
    let statistics = gamma.indices.map(statistics)
    return x.indices.map { sample in
      gamma.indices.map { channel in
        let deviation = (statistics[channel].variance + LastBlockTests.epsilon).squareRoot()
        let values = zip(x[sample][channel], r[sample][channel]).map { x, r in
          max(0, gamma[channel] * (x - statistics[channel].mean) / deviation + beta[channel] + r)
        }
        return values.reduce(0, +) / Double(values.count)
      }
    }
  }

  var loss: Double { classifier.loss(features, labels) }

  /// The slope of the loss along `path`, by central differences.
  func slope(_ path: WritableKeyPath<PlainTail, Double>) -> Double {
    let step = 1e-5
    var (up, down) = (self, self)
    up[keyPath: path] += step
    down[keyPath: path] -= step
    return (up.loss - down.loss) / (2 * step)
  }

  /// dL/dfeatures, `[samples][channels]`.
  var featureSlopes: [[Double]] { classifier.featureSlopes(features, labels) }
}

@Suite struct LastBlockTests {
  static let epsilon = 1e-5
  static let (samples, channels, positions, classes) = (6, 5, 7, 3)

  let maps: [Float]
  let tail: LastBlockHead
  let statistics: BatchNormStatistics
  let weights: [Float]
  let bias: [Float]
  let labels: [Int32]

  init() {
    let values = TrainerTests.parameters(4 * Self.channels, seed: 14)
    func part(_ index: Int) -> [Float] { Array(values[index * Self.channels..<(index + 1) * Self.channels]) }
    statistics = BatchNormStatistics(mean: part(2), variance: part(3).map { 0.5 + $0 * $0 })
    tail = LastBlockHead(
      gamma: part(0).map { 1 + $0 }, beta: part(1), statistics: statistics, epsilon: Self.epsilon)
    maps = TrainerTests.parameters(Self.samples * 2 * Self.channels * Self.positions, seed: 11).map { 3 * $0 }
    weights = TrainerTests.parameters(Self.classes * Self.channels, seed: 12)
    bias = TrainerTests.parameters(Self.classes, seed: 13)
    labels = (0..<Self.samples).map { Int32($0 % Self.classes) }
  }

  private func plain(usesBatch: Bool) -> PlainTail {
    func rows(_ half: Int) -> [[[Double]]] {
      (0..<Self.samples).map { sample in
        (0..<Self.channels).map { channel in
          let place = ((2 * sample + half) * Self.channels + channel) * Self.positions
          return maps[place..<place + Self.positions].map(Double.init)
        }
      }
    }
    return PlainTail(
      x: rows(0), r: rows(1), gamma: tail.gamma, beta: tail.beta, mean: statistics.mean.map(Double.init),
      variance: statistics.variance.map(Double.init), usesBatch: usesBatch,
      classifier: PlainClassifier(
        weights: weights.map(Double.init), bias: bias.map(Double.init), features: Self.channels),
      labels: labels)
  }

  private func trainer(usesBatch: Bool, threads: Int = 1, trainsAffine: Bool = true) -> LastBlockTrainer {
    let pool = ThreadPool(threads: threads)
    return LastBlockTrainer(
      classifier: ClassifierTrainer(
        weights: weights, bias: bias, features: Self.channels, batchSize: Self.samples, pool: pool),
      head: tail, running: usesBatch ? statistics : nil, trainsAffine: trainsAffine, pool: pool)
  }

  private func withMaps<T>(_ body: (LastBlockMaps) -> T) -> T {
    maps.withUnsafeBufferPointer {
      body(LastBlockMaps(base: $0.baseAddress!, channels: Self.channels, positions: Self.positions))
    }
  }

  private func step(_ trainer: LastBlockTrainer) -> ClassifierTrainer.Score {
    var score = ClassifierTrainer.Score()
    withMaps { maps in
      trainer.step(
        maps, labels: labels, indices: ArraySlice(0..<Self.samples), rate: 1,
        schedule: TrainerTests.plainSGD(), into: &score)
    }
    return score
  }

  /// df/dgamma, df/dbeta, dL/dgamma, dL/dbeta and dL/dx, in double, against finite differences of the loss.
  @Test(arguments: [false, true]) func gradientsAgainstFiniteDifferences(usesBatch: Bool) {
    let plain = plain(usesBatch: usesBatch)
    let slopes = plain.featureSlopes
    let all = ArraySlice(0..<Self.samples)
    withMaps { maps in
      for channel in 0..<Self.channels {
        let statistics = plain.statistics(channel)
        if usesBatch {
          let found = maps.moments(all, channel)
          #expect(abs(found.mean - statistics.mean) < 1e-12)
          #expect(abs(found.squares / Double(Self.samples * Self.positions) - statistics.variance) < 1e-12)
        }
        let norm = LastBlockChannel(
          gamma: plain.gamma[channel], beta: plain.beta[channel], mean: statistics.mean,
          inverseDeviation: tail.inverse(statistics.variance))
        let pooled = all.map {
          norm.pool(maps.batchNormInput($0, channel), maps.shortcut($0, channel), positions: Self.positions)
        }
        for sample in all { #expect(abs(pooled[sample].feature - plain.features[sample][channel]) < 1e-12) }
        let byGamma = all.reduce(0) { $0 + slopes[$1][channel] * pooled[$1].byGamma }
        let byBeta = all.reduce(0) { $0 + slopes[$1][channel] * pooled[$1].byBeta }
        #expect(abs(plain.slope(\.gamma[channel]) - byGamma) < 5e-10)
        #expect(abs(plain.slope(\.beta[channel]) - byBeta) < 5e-10)
        let byInput = norm.inputGradient(
          maps, channel, all, slopes: slopes.map { $0[channel] }, statisticsOfBatch: usesBatch)
        for sample in all {
          for position in 0..<Self.positions {
            let found = byInput[sample * Self.positions + position]
            #expect(abs(plain.slope(\.x[sample][channel][position]) - found) < 5e-10)
          }
        }
      }
    }
  }

  /// A step moves gamma, beta, weights and bias against the gradient of the whole loss.
  @Test(arguments: [false, true]) func stepFollowsTheGradient(usesBatch: Bool) {
    let plain = plain(usesBatch: usesBatch)
    let trainer = trainer(usesBatch: usesBatch)
    let score = step(trainer)
    #expect(abs(score.loss - plain.loss) < 1e-6 && score.samples == Self.samples)
    for channel in 0..<Self.channels {
      #expect(abs(tail.gamma[channel] - trainer.head.gamma[channel] - plain.slope(\.gamma[channel])) < 1e-6)
      #expect(abs(tail.beta[channel] - trainer.head.beta[channel] - plain.slope(\.beta[channel])) < 1e-6)
    }
    for index in weights.indices {
      let moved = Double(weights[index] - trainer.classifier.weights[index])
      #expect(abs(moved - plain.slope(\.classifier.weights[index])) < 1e-6)
    }
    for index in bias.indices {
      let moved = Double(bias[index] - trainer.classifier.bias[index])
      #expect(abs(moved - plain.slope(\.classifier.bias[index])) < 1e-6)
    }
  }

  /// Running statistics are a tenth the batch's, its variance unbiased, and are what measuring uses.
  @Test func runningStatisticsFollowTheBatches() throws {
    let trainer = trainer(usesBatch: true, trainsAffine: false)
    _ = step(trainer)
    let running = try #require(trainer.running)
    let plain = plain(usesBatch: true)
    let count = Double(Self.samples * Self.positions)
    for channel in 0..<Self.channels {
      let batch = plain.statistics(channel)
      let mean = 0.9 * Double(statistics.mean[channel]) + 0.1 * batch.mean
      let variance =
        0.9 * Double(statistics.variance[channel]) + 0.1 * batch.variance * count / (count - 1)
      #expect(abs(Double(running.mean[channel]) - mean) < 1e-6)
      #expect(abs(Double(running.variance[channel]) - variance) < 1e-6)
    }
    #expect(
      trainer.head.gamma == tail.gamma && trainer.head.beta == tail.beta, "only trained where asked for")
    let expected = LastBlockHead(
      gamma: tail.gamma.map { Float($0) }, beta: tail.beta.map { Float($0) }, statistics: running,
      epsilon: Self.epsilon)
    #expect(trainer.head == expected)
    withMaps { maps in
      var rows = [Float](repeating: -1, count: 8 * Self.samples)
      expected.features(maps, 0..<Self.samples, stride: 8, into: &rows)
      let found = trainer.evaluate(maps, labels: labels, count: Self.samples)
      #expect(found == trainer.classifier.evaluate(rows, labels: labels, count: Self.samples))
    }
  }

  /// The pooled feature by its definition, rows padded with zeros.
  @Test func forward() {
    let plain = plain(usesBatch: false)
    withMaps { maps in
      var rows = [Float](repeating: -1, count: 16)
      tail.features(maps, 2..<4, stride: 8, into: &rows)
      for (row, sample) in [2, 3].enumerated() {
        for channel in 0..<Self.channels {
          #expect(abs(Double(rows[8 * row + channel]) - plain.features[sample][channel]) < 1e-6)
        }
        #expect(Array(rows[8 * row + Self.channels..<8 * row + 8]) == [0, 0, 0])
      }
    }
  }

  @Test(arguments: [false, true]) func sameBitsAtAnyThreadCount(usesBatch: Bool) {
    func train(_ threads: Int) -> ([Double], [Float], BatchNormStatistics?) {
      let trainer = trainer(usesBatch: usesBatch, threads: threads)
      for _ in 0..<3 { _ = step(trainer) }
      return (trainer.head.gamma + trainer.head.beta, trainer.classifier.weights, trainer.running)
    }
    let one = train(1)
    for threads in [2, 3] { #expect(train(threads) == one) }
  }
}
