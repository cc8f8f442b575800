import FixresBase
import FixresMethod
import FixresRuntime
import Testing

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// A linear classifier in double precision, the definition that the trainer is held against.
struct PlainClassifier {
  var weights: [Double]
  var bias: [Double]
  let features: Int

  func logits(_ row: [Double]) -> [Double] {
    bias.indices.map { k in (0..<features).reduce(bias[k]) { $0 + weights[k * features + $1] * row[$1] } }
  }

  func loss(_ x: [[Double]], _ labels: [Int32], smoothing: Double = 0) -> Double {
    let classes = bias.count
    var total = 0.0
    for (row, label) in zip(x, labels) {
      let logits = logits(row)
      let top = logits.max() ?? 0
      let logSum = log(logits.reduce(0) { $0 + exp($1 - top) }) + top
      total += (1 - smoothing) * (logSum - logits[Int(label)])
      total += smoothing / Double(classes) * logits.reduce(0) { $0 + logSum - $1 }
    }
    return total / Double(x.count)
  }

  /// dL/dx of the mean cross-entropy: W^T (softmax - onehot) / N.
  func featureSlopes(_ x: [[Double]], _ labels: [Int32]) -> [[Double]] {
    zip(x, labels).map { row, label in
      let powers = logits(row).map { exp($0) }
      let sum = powers.reduce(0, +)
      let delta = powers.enumerated().map { ($1 / sum - ($0 == Int(label) ? 1 : 0)) / Double(x.count) }
      return (0..<features).map { feature in
        delta.indices.reduce(0) { $0 + delta[$1] * weights[$1 * features + feature] }
      }
    }
  }
}

@Suite struct TrainerTests {
  /// `count` random samples of `features` values, padded as the trainer wants them.
  static func samples(
    _ count: Int, _ features: Int, _ classes: Int, seed: UInt64
  ) -> (store: [Float], rows: [[Double]], labels: [Int32]) {
    var random = SeededRandom(seed: seed)
    let stride = SampleStore.stride(features)
    var store = [Float](repeating: 0, count: count * stride)
    var rows: [[Double]] = []
    for sample in 0..<count {
      for feature in 0..<features { store[sample * stride + feature] = max(0, Float(random.nextGaussian())) }
      rows.append(store[sample * stride..<sample * stride + features].map(Double.init))
    }
    return (store, rows, (0..<count).map { _ in Int32(random.nextInt(in: 0..<classes)) })
  }

  static func parameters(_ count: Int, seed: UInt64) -> [Float] {
    var random = SeededRandom(seed: seed)
    return (0..<count).map { _ in Float(random.nextGaussian()) * 0.3 }
  }

  static func plainSGD() -> TrainingSchedule {
    var schedule = TrainingSchedule()
    schedule.momentum = 0
    schedule.weightDecay = 0
    return schedule
  }

  @Test(arguments: [(5, 7, 3, 0.0), (64, 24, 10, 0.0), (6, 8, 4, 0.1), (1, 1, 2, 0.0), (33, 100, 11, 0.2)])
  func gradientAgainstFiniteDifferences(count: Int, features: Int, classes: Int, smoothing: Double) {
    let data = Self.samples(count, features, classes, seed: 9)
    let weights = Self.parameters(classes * features, seed: 1)
    let bias = Self.parameters(classes, seed: 2)
    let trainer = ClassifierTrainer(
      weights: weights, bias: bias, features: features, batchSize: count, pool: ThreadPool(threads: 1))
    var schedule = Self.plainSGD()
    schedule.labelSmoothing = smoothing
    var score = ClassifierTrainer.Score()
    trainer.step(
      data.store, labels: data.labels, indices: ArraySlice(0..<count), rate: 1, schedule: schedule,
      into: &score)
    let plain = PlainClassifier(
      weights: weights.map(Double.init), bias: bias.map(Double.init), features: features)
    #expect(abs(score.loss - plain.loss(data.rows, data.labels, smoothing: smoothing)) < 1e-6)
    let step = 1e-6
    var random = SeededRandom(seed: 4)
    for _ in 0..<40 {
      let index = random.nextInt(in: 0..<weights.count)
      var (up, down) = (plain, plain)
      up.weights[index] += step
      down.weights[index] -= step
      let slope =
        (up.loss(data.rows, data.labels, smoothing: smoothing)
          - down.loss(data.rows, data.labels, smoothing: smoothing)) / (2 * step)
      #expect(abs(Double(weights[index] - trainer.weights[index]) - slope) < 2e-6)
    }
    for index in bias.indices {
      var (up, down) = (plain, plain)
      up.bias[index] += step
      down.bias[index] -= step
      let slope =
        (up.loss(data.rows, data.labels, smoothing: smoothing)
          - down.loss(data.rows, data.labels, smoothing: smoothing)) / (2 * step)
      #expect(abs(Double(bias[index] - trainer.bias[index]) - slope) < 2e-6)
    }
  }

  /// v = .9 v + (g + decay w), w = w - rate v, the bias included; the first v is the gradient.
  @Test func momentumAndDecay() {
    let data = Self.samples(4, 3, 2, seed: 3)
    let weights = Self.parameters(6, seed: 5)
    let pool = ThreadPool(threads: 1)
    func gradient(_ w: [Float], _ b: [Float]) -> (w: [Float], b: [Float]) {
      let trainer = ClassifierTrainer(weights: w, bias: b, features: 3, batchSize: 4, pool: pool)
      var score = ClassifierTrainer.Score()
      trainer.step(
        data.store, labels: data.labels, indices: ArraySlice(0..<4), rate: 1, schedule: Self.plainSGD(),
        into: &score)
      return (zip(w, trainer.weights).map { $0 - $1 }, zip(b, trainer.bias).map { $0 - $1 })
    }
    var schedule = TrainingSchedule()
    schedule.weightDecay = 0.1
    let trainer = ClassifierTrainer(
      weights: weights, bias: [0.5, -0.5], features: 3, batchSize: 4, pool: pool)
    var (w, b) = (weights, [Float(0.5), -0.5])
    var (vw, vb) = ([Float](repeating: 0, count: 6), [Float](repeating: 0, count: 2))
    var score = ClassifierTrainer.Score()
    for _ in 0..<3 {
      let g = gradient(w, b)
      for index in w.indices {
        vw[index] = 0.9 * vw[index] + g.w[index] + 0.1 * w[index]
        w[index] -= 0.05 * vw[index]
      }
      for index in b.indices {
        vb[index] = 0.9 * vb[index] + g.b[index] + 0.1 * b[index]
        b[index] -= 0.05 * vb[index]
      }
      trainer.step(
        data.store, labels: data.labels, indices: ArraySlice(0..<4), rate: 0.05, schedule: schedule,
        into: &score)
    }
    #expect(zip(trainer.weights, w).allSatisfy { abs($0 - $1) < 1e-5 })
    #expect(zip(trainer.bias, b).allSatisfy { abs($0 - $1) < 1e-5 })
  }

  @Test func sameBitsAtAnyThreadCount() {
    let (count, features, classes) = (96, 260, 170)
    let data = Self.samples(count, features, classes, seed: 8)
    func train(_ threads: Int) -> [Float] {
      let trainer = ClassifierTrainer(
        weights: Self.parameters(classes * features, seed: 1), bias: Self.parameters(classes, seed: 2),
        features: features, batchSize: 48, pool: ThreadPool(threads: threads))
      var score = ClassifierTrainer.Score()
      for step in 0..<4 {
        let first = step % 2 * 48
        trainer.step(
          data.store, labels: data.labels, indices: ArraySlice(first..<first + 48), rate: 0.1,
          schedule: TrainingSchedule(), into: &score)
      }
      return trainer.weights + trainer.bias
    }
    let one = train(1)
    for threads in [2, 3] { #expect(train(threads) == one) }
  }

  @Test func evaluationCountsHits() {
    // The features are the logits themselves.
    let store: [Float] = [2, 1, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0]
    let trainer = ClassifierTrainer(
      weights: [1, 0, 0, 1], bias: [0, 0], features: 2, batchSize: 2, pool: ThreadPool(threads: 1))
    let score = trainer.evaluate(store, labels: [0, 1, 1], count: 3)
    #expect(score.samples == 3 && score.hits == 2)
    let loss = (log(1 + exp(-1.0)) + log(1 + exp(-3.0)) + log(2)) / 3
    #expect(abs(score.loss - loss) < 1e-6)
  }

  @Test func schedules() {
    var schedule = TrainingSchedule()
    #expect(schedule.rate(epoch: 0, step: 0, stepsPerEpoch: 10) == 0.01)
    #expect(abs(schedule.rate(epoch: 10, step: 0, stepsPerEpoch: 10) - 0.005) < 1e-15)
    #expect(schedule.rate(epoch: 19, step: 9, stepsPerEpoch: 10) > 0)
    #expect(schedule.stepsPerEpoch(9469) == 147 && schedule.stepsPerEpoch(10) == 1)
    schedule = .released(batchSize: 512)
    #expect(abs(schedule.rate(epoch: 0, step: 0, stepsPerEpoch: 1) - 8e-3) < 1e-15)
    #expect(abs(schedule.rate(epoch: 29, step: 0, stepsPerEpoch: 1) - 8e-3) < 1e-15)
    #expect(abs(schedule.rate(epoch: 30, step: 0, stepsPerEpoch: 1) - 8e-4) < 1e-15)
    #expect(schedule.epochs == 56 && !schedule.shufflesEachEpoch && schedule.weightDecay == 1e-4)
    #expect(schedule.stepsPerEpoch(513) == 2)
  }
}

@Suite struct TrainingStateTests {
  static let state: TrainingState = {
    var fingerprint = JSON.Object()
    fingerprint["mode"] = "fc"
    fingerprint["seed"] = "3"
    return TrainingState(
      fingerprint: fingerprint, epoch: 2, records: [["loss": 0.5], ["loss": 0.25]],
      arrays: ["weights": [1, -2.5, 1e-300], "bias": [], "gamma": [.pi]])
  }()

  @Test func readsWhatItWrote() throws {
    #expect(try TrainingState(Bytes(Self.state.serialized())) == Self.state)
  }

  @Test func everyPrefixAndEveryBitFlipIsRefused() {
    let bytes = Self.state.serialized()
    for length in bytes.indices {
      #expect(throws: TrainingStateFault.self) { try TrainingState(Bytes(Array(bytes[..<length]))) }
    }
    for index in bytes.indices {
      var damaged = bytes
      damaged[index] ^= 1 << UInt8(index % 8)
      #expect(throws: TrainingStateFault.self) { try TrainingState(Bytes(damaged)) }
    }
  }

  @Test func otherTrainingsAreToldApart() throws {
    try Self.state.check(against: Self.state.fingerprint)
    var other = Self.state.fingerprint
    other["seed"] = "4"
    #expect(throws: TrainingStateFault.otherTraining(setting: "seed", state: "\"3\"", now: "\"4\"")) {
      try Self.state.check(against: other)
    }
  }
}
