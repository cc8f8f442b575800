import FixresIR

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
