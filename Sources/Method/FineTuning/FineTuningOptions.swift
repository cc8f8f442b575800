import FixresIR
import FixresRuntime

/// What is trained, on what, and how.
package struct FineTuningOptions: Sendable {
  package enum Mode: String, Hashable, Sendable, CaseIterable {
    /// The classifier alone.
    case classifier = "fc"
    /// New statistics of the last batch norm at the test resolution, and the classifier: what the released code
    /// trains.
    case statistics = "bnstat+fc"
    /// As `statistics`, and gamma and beta of that batch norm are trained too: the paper's words.
    case affine = "bnstat+affine+fc"
  }

  /// What the last batch norm divides by while what follows it is trained.
  package enum Normalisation: String, Hashable, Sendable {
    /// Exact statistics over all pictures, before training: training and test agree.
    case exact
    /// Each batch's own, and running averages of them at test: the released code.
    case batch
  }

  package var mode = Mode.statistics
  package var normalisation = Normalisation.exact
  package var resolution: Extent
  package var schedule = TrainingSchedule()
  package var augmentation = Augmentation.none
  package var seed: UInt64 = 0
  /// End once the validation loss has not fallen for so many epochs, and keep the best epoch's parameters.
  package var patience: Int?
  /// Class names for a new classifier, drawn anew; nil keeps the trained one as the start.
  package var newHead: [String]?
  /// Bytes of maps and features that are kept in memory; more lie in a file.
  package var memoryBudget = 1 << 31
  /// Where the state to resume lies; nil keeps none.
  package var statePath: String?
  package var resumes = false
  /// Write the state after every epoch, however short; else twice a second at most.
  package var savesEachEpoch = false
  package var session = SessionOptions()

  package init(resolution: Extent) { self.resolution = resolution }
}
