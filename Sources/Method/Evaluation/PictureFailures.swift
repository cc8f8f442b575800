import FixresImaging

/// Pictures that could not be read: all are counted, the first of them kept.
public struct PictureFailures: Sendable {
  /// Failures that are kept at most.
  public static let keptLimit = 1000

  /// Number of pictures.
  public private(set) var count = 0
  /// The first of them.
  public private(set) var kept: [Evaluation.Failure] = []
  /// Number of those of formats without a decoder, by format.
  public private(set) var withoutDecoder: [String: Int] = [:]
  /// The first that no missing decoder explains.
  public private(set) var firstDamaged: Evaluation.Failure?

  /// None.
  package init() {}

  /// The first picture.
  package var first: Evaluation.Failure? { kept.first }
  /// Number of pictures that no missing decoder explains.
  public var damagedCount: Int { count - withoutDecoder.values.reduce(0, +) }

  /// Counts one more picture.
  package mutating func append(_ failure: Evaluation.Failure) {
    count += 1
    if kept.count < Self.keptLimit { kept.append(failure) }
    if let format = failure.error.formatWithoutDecoder {
      withoutDecoder[format, default: 0] += 1
    } else {
      firstDamaged = firstDamaged ?? failure
    }
  }
}

/// The number of pictures that failed one after another.
package struct FailureStreak: Sendable {
  /// Failures in succession that end a run, where no number is stated.
  package static let usualLimit = 100

  /// Number of pictures.
  package private(set) var count = 0
  /// The first of them.
  package private(set) var first: Evaluation.Failure?
  private let limit: Int
  private var lastNumber = 0

  /// A streak that must not reach `limit`.
  package init(limit: Int) { self.limit = limit }

  /// Whether the limit is reached.
  package var isTooLong: Bool { count >= limit }

  /// Takes in the failure of the picture `number`; those that were left out since the last one had been read.
  package mutating func add(_ failure: Evaluation.Failure, number: Int) {
    if count == 0 || number != lastNumber + 1 { (count, first) = (0, failure) }
    count += 1
    lastNumber = number
  }

  /// A picture was read.
  package mutating func end() { count = 0 }
}
