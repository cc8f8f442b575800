/// A broken rule: what was expected, what was found, and where.
package struct FormatFault: Hashable, Sendable {
  package enum Format: String, Hashable, Sendable {
    case zip, pickle, torchLegacy, safetensors, shardIndex, onnx
  }

  package enum Place: Hashable, Sendable {
    case file
    /// Offset from the start of the file.
    case byte(Int)
    /// A member of a zip archive.
    case member(String)
    case tensor(String)
    /// A key of a JSON object or of a pickled dictionary.
    case key(String)
  }

  package var path: String
  package var format: Format
  package var place: Place
  package var expected: String
  package var found: String
}
