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

/// What is legal and yet not read, each with its own hint.
package enum Unsupported: Hashable, Sendable {
  /// The tar form that PyTorch wrote before 0.1.12.
  case tarCheckpoint
  case torchScript
  /// What `torch.export.save` writes (`.pt2`).
  case exportedProgram
  case bigEndian
  /// A zip archive that `torch.save` did not write; `firstMember` names its first member.
  case otherZip(firstMember: String)
  case compressedMember(name: String, method: Int)
  case encryptedMember(name: String)
  /// A pickle that `torch.save` did not write.
  case otherPickle
}

/// Why a tensor that is present cannot become float32.
package enum UnreadableReason: Hashable, Sendable {
  /// A dtype without a float32 meaning here: quantised, complex, float8, unsigned 16 to 64.
  case elementType(ElementType)
  /// Built by something that is not plain strided storage: a sparse, quantised or meta tensor, an unknown class.
  case opaque(constructor: String)
  /// A view that repeats its storage's elements beyond what the bytes present justify.
  case expanded(elementCount: Int, storedCount: Int)
}
