/// The kind of a file, decided by its first bytes and never by its name.
package enum FileKind: Hashable, Sendable {
  /// fixresc's own `.bin`.
  case fixresModel
  /// A zip archive; PyTorch 1.6 and later write one.
  case zip
  /// A pickle stream; PyTorch before 1.6 wrote several in a row.
  case pickle
  /// A safetensors file.
  case safetensors
  /// JSON text, such as the index of a sharded checkpoint.
  case json
  /// An ONNX model, as far as its first fields tell.
  case onnx
  /// A tar archive; PyTorch before 0.1.12 wrote one.
  case tar
  /// A compressed file, with the name of its format.
  case compressed(String)
  /// An HDF5 file, such as Keras weights.
  case hdf5
  /// An HTML or XML page, such as a server's error page.
  case html
  /// The text that git-lfs keeps in place of a file.
  case gitLFSPointer
  /// A known format that holds no network, by its name: a JPEG picture, a NumPy array.
  case other(String)
  /// No bytes.
  case empty
  /// None of these.
  case unknown(firstBytes: [UInt8])
}
