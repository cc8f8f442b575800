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

/// What one epoch gave.
package struct EpochRecord: Hashable, Sendable {
  /// Mean training loss, label smoothing included.
  package var loss: Double
  package var trainTop1: Double
  package var validateTop1: Double?
  package var validateLoss: Double?
  package var seconds: Double
}

/// A fine-tuned model and what was measured on the way.
package struct FineTuningResult: Sendable {
  package let model: Model
  package let epochs: [EpochRecord]
  /// Epochs taken up from an interrupted training.
  package let resumedEpochs: Int
  /// The epoch whose parameters were kept, from 1.
  package let keptEpoch: Int
  /// Of the unadapted model at the test resolution.
  package let before: Measurement
  package let after: Measurement
  /// Of the unadapted model at its training resolution; nil where that is unknown.
  package let reference: Measurement?
  /// Of the features before and after to those at the training resolution.
  package let distanceBefore: Distance?
  package let distanceAfter: Distance?
  /// Whether the classifier was drawn anew, so that scores before training mean nothing.
  package let hasNewHead: Bool
  /// Whether `before` and `after` were measured on pictures that were not trained on.
  package let isHeldOut: Bool
  package let images: Int
  package let extraction: PictureRun.Summary
  package let cachesOnDisk: Bool

  /// How far pooled activations are from those at the training resolution.
  package struct Distance: Hashable, Sendable {
    /// Of the values above zero: how many are exactly zero follows from how many positions are averaged, which no
    /// statistics undo.
    package let aboveZero: SortedValues.Distance
    package let all: SortedValues.Distance

    init(_ measurement: Measurement, to reference: Measurement) {
      aboveZero = measurement.statistics.sorted.distanceAboveZero(to: reference.statistics.sorted)
      all = measurement.statistics.distance(to: reference.statistics)
    }
  }

  package struct Measurement: Sendable {
    package let resolution: Extent
    package let score: ClassificationScore
    package let statistics: ActivationStatistics
  }
}

/// What a fine-tuning tells while it runs.
package enum FineTuningEvent: Sendable {
  /// A pass of the network over pictures.
  case pictures(phase: String, done: Int, total: Int)
  case epoch(EpochRecord, number: Int, of: Int)
  case resumed(epoch: Int)
  case extracted(PictureRun.Summary)
}
