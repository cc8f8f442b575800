/// Why a file does not say which folder is which class.
public enum ClassTableFault: Error, Hashable, Sendable {
  /// The file is neither JSON nor lines of UTF-8 text.
  case notText
  /// JSON that is neither an object of names or numbers nor an array of names.
  case otherJSON
  /// Neither pairs of a folder and its class nor a name for each of the `classes`; `entries` lines or elements.
  case noPairs(entries: Int, classes: Int)
  /// The file does not name these folders, or names them for several classes.
  case missing([String])
  /// The file can be read in two ways that differ for `folder`.
  case ambiguous(folder: String, first: Int, second: Int)
}
