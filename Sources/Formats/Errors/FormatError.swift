import FixresBase
import FixresIR

/// Why a file cannot be read or written; the command line turns it into a sentence.
package enum FormatError: Error, Hashable, Sendable {
  /// The system refuses the file.
  case file(FileError)
  /// The file is of another kind, or of none that is known.
  case notCheckpoint(path: String, kind: FileKind)
  /// The file violates the rules of its own format.
  case malformed(FormatFault)
  /// The file is valid, and fixresc does not read what it holds.
  case unsupported(path: String, Unsupported)
  /// A whole pickled network: rebuilding it would mean running code.
  case pickledModule(path: String, className: String)
  /// The file holds no dictionary of tensors; `entries` names what it holds.
  case noTensors(path: String, entries: [String])
  /// Nothing is found under `key` (of `--key`); `available` names what there is.
  case keyNotFound(path: String, key: String, available: [String])
  /// The file holds `count` networks, the first of them at `places`, and nothing says which one is meant.
  case severalNetworks(path: String, count: Int, places: [NetworkPlace])
  /// More tensors than `Checkpoint.maximumTensorCount`.
  case tooManyTensors(path: String, count: Int, limit: Int)
  /// A tensor that the network needs cannot become float32, such as one of `float8_e4m3fn` or a sparse one.
  case unreadableTensor(name: String, reason: UnreadableReason)
  /// A tensor that the network does not use, and that cannot be read either.
  case unreadableEvidence(path: String, name: String, reason: UnreadableReason)
  /// The tensors, or facts stated about them, give no supported network.
  case architecture(path: String, ArchitectureError)
  /// A configuration file in the folder of the weights is not JSON.
  case malformedJSON(path: String, JSONError)
  /// The network does not work at the resolution asked for, or a `.bin` is damaged.
  case model(path: String, IRError)
  /// A well-formed ONNX model that gives no supported network.
  case onnx(path: String, OnnxFault)
}
