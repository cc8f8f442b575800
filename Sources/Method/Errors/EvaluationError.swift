import FixresImaging

/// Why a data set cannot be evaluated.
package enum EvaluationError: Error, Hashable, Sendable {
  /// Folders that are not called like the model's classes, and of another number.
  case otherClasses(folders: Int, classes: Int)
  /// All `count` pictures failed to decode; `first` is the first one's path.
  case nothingDecoded(count: Int, first: String, ImageError)
}
