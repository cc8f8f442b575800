import FixresIR

/// What one epoch gave.
package struct EpochRecord: Hashable, Sendable {
  /// Mean training loss, label smoothing included.
  package var loss: Double
  /// Share of training samples that were classified correctly during the epoch, 0...1.
  package var trainTop1: Double
  /// Top-1 on the validation set after the epoch, 0...1; nil without one.
  package var validateTop1: Double?
  /// Mean cross-entropy on the validation set after the epoch, in nats; nil without one.
  package var validateLoss: Double?
  /// Wall-clock time of the epoch.
  package var seconds: Double
}

/// A fine-tuned model and what was measured on the way.
package struct FineTuningResult: Sendable {
  /// The fine-tuned model, its batch norms not folded.
  package let model: Model
  /// What was measured in each epoch.
  package let epochs: [EpochRecord]
  /// Epochs of an interrupted training that was resumed.
  package let resumedEpochs: Int
  /// The epoch whose parameters were kept, from 1.
  package let keptEpoch: Int
  /// Of the unadapted model at the test resolution.
  package let before: Measurement
  /// Of the fine-tuned model at the test resolution.
  package let after: Measurement
  /// Of the unadapted model at its training resolution; nil where that is unknown.
  package let reference: Measurement?
  /// Of the features before and after to those at the training resolution.
  package let distanceBefore: Distance?
  /// Of the features after fine-tuning to those at the training resolution.
  package let distanceAfter: Distance?
  /// Whether the classifier was randomly initialised, so that scores before training mean nothing.
  package let hasNewHead: Bool
  /// Whether `before` and `after` were measured on pictures that were not trained on.
  package let isHeldOut: Bool
  /// Number of training pictures that could be decoded.
  package let images: Int
  /// The run that computed the features or maps.
  package let extraction: PictureRun.Summary
  /// Whether features or maps were kept in a file.
  package let cachesOnDisk: Bool

  /// How far pooled activations are from those at the training resolution.
  package struct Distance: Hashable, Sendable {
    /// Of the values above zero: how many are exactly zero follows from how many positions are averaged, which no
    /// statistics undo.
    package let aboveZero: SortedValues.Distance
    /// Of all values, zeros included.
    package let all: SortedValues.Distance

    init(_ measurement: Measurement, to reference: Measurement) {
      aboveZero = measurement.statistics.sorted.distanceAboveZero(to: reference.statistics.sorted)
      all = measurement.statistics.distance(to: reference.statistics)
    }
  }

  /// One model measured over pictures.
  package struct Measurement: Sendable {
    /// The resolution at which it ran.
    package let resolution: Extent
    /// Accuracy and loss.
    package let score: ClassificationScore
    /// The distribution of the pooled features.
    package let statistics: ActivationStatistics
  }
}
