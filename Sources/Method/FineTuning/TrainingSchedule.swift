#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// How long, how fast and on what loss a classifier is fine-tuned.
public struct TrainingSchedule: Hashable, Sendable {
  /// How the learning rate falls.
  public enum Decay: Hashable, Sendable {
    /// Half a cosine from the full rate to zero, step by step.
    case cosine
    /// Times `factor` every `epochs` epochs.
    case step(epochs: Int, factor: Double)
    /// The same rate throughout.
    case constant
  }

  /// Passes over the training samples.
  public var epochs = 20
  /// Samples of a step.
  public var batchSize = 64
  /// The learning rate of the first step.
  public var learningRate = 0.01
  /// How the learning rate falls.
  public var decay = Decay.cosine
  /// The momentum of SGD.
  public var momentum = 0.9
  /// On every trained parameter, the bias included.
  public var weightDecay = 1e-4
  /// Share of the target probability that is spread over all classes.
  public var labelSmoothing = 0.0
  /// A new order of the pictures each epoch; the released code keeps one for all.
  public var shufflesEachEpoch = true
  /// Leave out the last batch where it is not full.
  public var dropsLast = true

  /// The default schedule: 20 epochs of 64 with a cosine decay.
  public init() {}

  /// The schedule of the authors' code for a ResNet-50: rate 1e-3 for each 64 pictures of a batch, a tenth every 30
  /// epochs, 56 epochs, one order of the pictures.
  public static func released(batchSize: Int = 64) -> TrainingSchedule {
    var schedule = TrainingSchedule()
    schedule.epochs = 56
    schedule.batchSize = batchSize
    schedule.learningRate = 1e-3 * Double(batchSize) / 64
    schedule.decay = .step(epochs: 30, factor: 0.1)
    schedule.shufflesEachEpoch = false
    schedule.dropsLast = false
    return schedule
  }

  /// Refuses numbers that no training can use.
  func check() throws(MethodError) {
    func require(_ holds: Bool, _ name: String, _ expected: String, _ found: Any) throws(MethodError) {
      guard holds else { throw .schedule(name: name, expected: expected, found: "\(found)") }
    }
    try require(epochs >= 0, "epochs", "0 or more", epochs)
    try require(batchSize >= 1, "batchSize", "1 or more", batchSize)
    try require(learningRate >= 0 && learningRate.isFinite, "learningRate", "0 or more", learningRate)
    try require(momentum >= 0 && momentum < 1, "momentum", "0 or more and below 1", momentum)
    try require(weightDecay >= 0 && weightDecay.isFinite, "weightDecay", "0 or more", weightDecay)
    try require((0...1).contains(labelSmoothing), "labelSmoothing", "0 to 1", labelSmoothing)
    if case .step(let epochs, let factor) = decay {
      try require(epochs >= 1, "decay.epochs", "1 or more", epochs)
      try require(factor >= 0 && factor.isFinite, "decay.factor", "0 or more", factor)
    }
  }

  /// Steps of an epoch over `count` samples; at least one where there are samples.
  package func stepsPerEpoch(_ count: Int) -> Int {
    guard count > 0 else { return 0 }
    return dropsLast ? max(1, count / batchSize) : (count + batchSize - 1) / batchSize
  }

  /// The learning rate at `step` of `epoch`, both from 0.
  package func rate(epoch: Int, step: Int, stepsPerEpoch: Int) -> Double {
    switch decay {
    case .constant: return learningRate
    case .step(let epochs, let factor): return learningRate * pow(factor, Double(epoch / max(epochs, 1)))
    case .cosine:
      let total = Double(max(1, epochs * stepsPerEpoch))
      return learningRate * 0.5 * (1 + cos(Double.pi * Double(epoch * stepsPerEpoch + step) / total))
    }
  }
}
