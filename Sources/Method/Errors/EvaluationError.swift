import FixresImaging

/// Why a data set cannot be evaluated.
public enum EvaluationError: Error, Hashable, Sendable {
  /// Folders without names that are known, and of another number than the model's classes.
  case otherClasses(folders: Int, classes: Int)
  /// Folders that are not called like one of the model's `names`, or like several; `folders` is how many there are.
  case unknownFolders(_ unknown: [String], ambiguous: [String], folders: Int, classes: Int, names: [String])
  /// Folders called by numbers that are not 0 to `classes` - 1 in byte-wise order.
  case numberedFolders(_ folders: Int, classes: Int)
  /// A folder that is not the number of a class.
  case notANumber(folder: String, classes: Int)
  /// Two folders of one class.
  case sameClass(String, String, index: Int)
  /// Only the folders' classes are to compete, and which they are is not known.
  case subsetWithoutNames(classes: Int)
  /// A file does not say which folder is which class.
  case table(path: String, ClassTableFault)
  /// Pictures that have classes are needed, and those of `path` have none.
  case unlabelled(path: String)
  /// The classes of the pictures of `path` are those of a model of `found` classes or of other labels.
  case classesOfAnotherModel(path: String, expected: Int, found: Int)
  /// The model gives no logits.
  case noLogits
  /// All `count` pictures failed to decode; `first` is the first one's path.
  case nothingDecoded(count: Int, first: String, ImageError)
}
