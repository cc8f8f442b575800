/// A violation of a file format's rules: where, what was expected and what was found.
package struct FormatFault: Hashable, Sendable {
  /// The format whose rules are violated.
  package enum Format: String, Hashable, Sendable {
    case zip, pickle, torchLegacy, safetensors, shardIndex, onnx
  }

  /// The part of the file that violates them.
  package enum Place: Hashable, Sendable {
    /// The file as a whole.
    case file
    /// The byte at this offset from the start of the file.
    case byte(Int)
    /// A member of a zip archive.
    case member(String)
    /// A tensor.
    case tensor(String)
    /// A key of a JSON object or of a pickled dictionary.
    case key(String)
  }

  /// The file's path.
  package var path: String
  /// The format whose rules are violated.
  package var format: Format
  /// The part of the file that violates them.
  package var place: Place
  /// What the rules ask for, as the object of "expected ...".
  package var expected: String
  /// What is there, as the object of "found ...".
  package var found: String

  /// A violation at `place` of the file at `path`.
  package init(path: String, format: Format, place: Place, expected: String, found: String) {
    (self.path, self.format, self.place) = (path, format, place)
    (self.expected, self.found) = (expected, found)
  }
}
