import FixresIR

/// What one epoch gave.
public struct EpochRecord: Hashable, Sendable {
  /// Mean training loss, label smoothing included.
  public var loss: Double
  /// Share of training samples that were classified correctly during the epoch, 0...1.
  public var trainTop1: Double
  /// Top-1 on the validation set after the epoch, 0...1; nil without one.
  public var validateTop1: Double?
  /// Mean cross-entropy on the validation set after the epoch, in nats; nil without one.
  public var validateLoss: Double?
  /// Wall-clock time of the epoch.
  public var seconds: Double
}

/// A fine-tuned model and what was measured on the way.
public struct FineTuningResult: Sendable {
  /// The fine-tuned model, its batch norms not folded.
  public let model: Model
  /// What was measured in each epoch.
  public let epochs: [EpochRecord]
  /// Epochs of an interrupted training that was resumed.
  public let resumedEpochs: Int
  /// The epoch whose parameters were kept, from 1.
  public let keptEpoch: Int
  /// Of the unadapted model at the test resolution.
  public let before: Measurement
  /// Of the fine-tuned model at the test resolution.
  public let after: Measurement
  /// Of the unadapted model at its training resolution; nil where that is unknown.
  public let reference: Measurement?
  /// Of the features before and after to those at the training resolution.
  public let distanceBefore: Distance?
  /// Of the features after fine-tuning to those at the training resolution.
  public let distanceAfter: Distance?
  /// Whether the classifier was randomly initialised, so that scores before training mean nothing.
  public let hasNewHead: Bool
  /// Whether `before` and `after` were measured on pictures that were not trained on.
  public let isHeldOut: Bool
  /// Number of training pictures that could be decoded.
  public let images: Int
  /// The run that computed the features or maps.
  package let extraction: PictureRun.Summary
  /// Whether features or maps were kept in a file.
  public let cachesOnDisk: Bool

  /// How far pooled activations are from those at the training resolution.
  public struct Distance: Hashable, Sendable {
    /// Of the values above zero: how many are exactly zero follows from how many positions are averaged, which no
    /// statistics undo.
    public let aboveZero: DistributionDistance
    /// Of all values, zeros included.
    public let all: DistributionDistance

    init(_ measurement: Measurement, to reference: Measurement) {
      aboveZero = measurement.statistics.sorted.distanceAboveZero(to: reference.statistics.sorted)
      all = measurement.statistics.distance(to: reference.statistics)
    }
  }

  /// One model measured over pictures.
  public struct Measurement: Sendable {
    /// The resolution at which it ran.
    public let resolution: Extent
    /// Accuracy and loss.
    public let score: ClassificationScore
    /// The distribution of the pooled features.
    public let statistics: ActivationStatistics
  }
}
