import FixresImaging
import FixresRuntime

/// A list of picture files with the class of each, where classes matter.
public struct LabelledPictures: Sendable {
  /// The folder, for messages.
  public let path: String
  /// The pictures in order.
  package let entries: [ImageFolder.Entry]
  /// The index of each entry's class.
  package let labels: [Int32]
  /// How the rows of scores are read; nil where classes do not matter.
  package let reading: ScoreReading?
  /// Continue however many pictures fail to decode; otherwise more than 1 % is an error.
  public var allowsFailures = false
  /// Pictures in succession that may fail to decode before the run ends.
  public var maximumFailures = 100

  /// `limit` pictures of `folder` at even distances; all without a limit.
  package init(_ folder: ImageFolder, _ matching: ClassMatching, limit: Int? = nil) {
    path = folder.path
    entries = Evaluation.selection(of: folder.entries, limit: limit)
    labels = entries.map { Int32(matching.logits[$0.classIndex]) }
    reading = matching.reading
  }

  /// The pictures at `paths`, whose classes do not matter; `path` names all of them in messages.
  public init(path: String, unlabelled paths: [String]) {
    self.path = path
    entries = paths.map { ImageFolder.Entry(path: $0, classIndex: 0) }
    labels = [Int32](repeating: 0, count: paths.count)
    reading = nil
  }

  /// The pictures of `other` at `indices`.
  init(picking indices: [Int], of other: LabelledPictures) {
    path = other.path
    entries = indices.map { other.entries[$0] }
    labels = indices.map { other.labels[$0] }
    reading = other.reading
    (allowsFailures, maximumFailures) = (other.allowsFailures, other.maximumFailures)
  }

  /// Number of pictures.
  public var count: Int { entries.count }
}
