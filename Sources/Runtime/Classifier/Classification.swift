import FixresBase
import FixresIR
import FixresImaging

/// What a network says of one picture.
public struct Classification: Hashable, Sendable {
  /// A class with its probability.
  public struct Prediction: Hashable, Sendable {
    /// Index among the logits.
    public let index: Int
    /// The class's name; `class 7` where the model does not name it.
    public let label: String
    /// Probability, 0 to 1.
    public let probability: Double
  }

  /// Scores before softmax or sigmoid, `[classes]`; empty for a network without a classifier.
  public let logits: [Float]
  /// Pooled features before the classifier, `[F]`; empty where the network does not give them.
  public let features: [Float]
  /// Whether the picture's file has an EXIF orientation other than 1.
  public let isTurned: Bool
  let labels: [String]
  let reading: ScoreReading

  /// The probability of each class, `[classes]`, computed in double as the model's outputs are meant: softmax or sigmoid.
  public var probabilities: [Double] { logits.withUnsafeBufferPointer(reading.probabilities) }

  /// The `count` classes of the greatest scores, best first; of equal scores the lower index comes first.
  public func top(_ count: Int = 5) -> [Prediction] {
    let probabilities = probabilities
    return logits.withUnsafeBufferPointer { reading.best(count, of: $0) }.map { index in
      let label = labels.indices.contains(index) ? labels[index] : "class \(index)"
      return Prediction(index: index, label: label, probability: probabilities[index])
    }
  }
}

/// Why a classifier has no result.
public enum ClassifierError: Error, Hashable, Sendable {
  /// The model cannot be opened or run.
  case runtime(RuntimeError)
  /// The picture cannot be read or preprocessed, or a tensor has another size than the network's input.
  case image(ImageError)
  /// The network computes numbers that are not finite.
  case notFinite
  /// The task was cancelled before the network ran.
  case cancelled
}
