import FixresBase
import FixresIR

/// Why a file could not be read as a checkpoint; the command line turns it into a sentence.
package enum FormatError: Error, Hashable, Sendable {
  /// The system refused the file.
  case file(FileError)
  /// The first bytes belong to something else, or to nothing known.
  case notCheckpoint(path: String, kind: FileKind)
  /// The file breaks the rules of its own format.
  case malformed(FormatFault)
  /// A legal file that fixresc does not read.
  case unsupported(path: String, Unsupported)
  /// A whole pickled network: code would have to run to rebuild it.
  case pickledModule(path: String, className: String)
  /// No dictionary of tensors was found; `entries` names what is there.
  case noTensors(path: String, entries: [String])
  /// `key` (of `--key`) leads nowhere; `available` names what is there.
  case keyNotFound(path: String, key: String, available: [String])
  /// More tensors than any network of this compiler has.
  case tooManyTensors(path: String, count: Int, limit: Int)
  /// A tensor that is needed is there but cannot be read, such as `float8_e4m3fn` or a sparse layout.
  case unreadableTensor(name: String, reason: UnreadableReason)
  /// The tensors, or what was said about them, do not make a network.
  case architecture(path: String, ArchitectureError)
  /// A configuration file beside the weights is no JSON.
  case malformedJSON(path: String, JSONError)
  /// The network does not fit itself at the resolution asked for, or a `.bin` is broken.
  case model(path: String, IRError)
  /// An ONNX model that is well formed and yet not a network of this compiler.
  case onnx(path: String, OnnxFault)
}
