/// What a file is, by its first bytes and never by its name.
package enum FileKind: Hashable, Sendable {
  /// Our own `.bin`.
  case fixresModel
  /// A zip archive; PyTorch 1.6 and later write one.
  case zip
  /// A pickle stream; PyTorch before 1.6 wrote several in a row.
  case pickle
  case safetensors
  /// JSON text, such as the index of a sharded checkpoint.
  case json
  /// Begins like an ONNX model.
  case onnx
  case tar
  /// A compressed file, with the name of its format.
  case compressed(String)
  case hdf5
  case html
  case gitLFSPointer
  /// A known format that holds no network, by its name: a picture, a `.npy` array.
  case other(String)
  case empty
  case unknown(firstBytes: [UInt8])
}
