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
