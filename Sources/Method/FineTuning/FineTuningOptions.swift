import FixresIR
import FixresRuntime

/// What is trained, on what, and how.
public struct FineTuningOptions: Sendable {
  /// Which parameters are trained.
  public enum Mode: String, Hashable, Sendable, CaseIterable {
    /// The classifier alone.
    case classifier = "fc"
    /// New statistics of the last batch norm at the test resolution, and the classifier: what the released code
    /// trains.
    case statistics = "bnstat+fc"
    /// As `statistics`, and gamma and beta of that batch norm are trained too: the paper's words.
    case affine = "bnstat+affine+fc"
  }

  /// What the last batch norm divides by while what follows it is trained.
  public enum Normalisation: String, Hashable, Sendable {
    /// Exact statistics over all pictures, before training: training and test agree.
    case exact
    /// Each batch's own, and running averages of them at test: the released code.
    case batch
  }

  /// Which parameters are trained.
  public var mode = Mode.statistics
  /// Which statistics the last batch norm uses during training.
  public var normalisation = Normalisation.exact
  /// The test resolution.
  public var resolution: Extent
  /// Epochs, learning rate and loss.
  public var schedule = TrainingSchedule()
  /// How pictures are varied.
  public var augmentation = Augmentation.none
  /// Seed of the order of samples, the augmentation and a new classifier.
  public var seed: UInt64 = 0
  /// End once the validation loss has not fallen for so many epochs, and keep the best epoch's parameters.
  public var patience: Int?
  /// Class names of a new, randomly initialised classifier; nil starts from the trained one.
  public var newHead: [String]?
  /// Bytes of maps and features that are kept in memory; beyond that they are kept in a file.
  public var memoryBudget = 1 << 31
  /// Keeps what passes over the pictures compute, so that an interrupted one goes on; nil keeps nothing.
  package var cache: FeatureCache?
  /// Path of the state to resume from; nil stores none.
  public var statePath: String?
  /// Continue from the stored state, where there is one.
  public var resumes = false
  /// Write the state after every epoch, however short; else twice a second at most.
  public var savesEachEpoch = false
  /// Threads and exactness of the network's runs.
  public var session = SessionOptions()

  /// The default fine-tuning at `resolution`.
  public init(resolution: Extent) { self.resolution = resolution }
}
