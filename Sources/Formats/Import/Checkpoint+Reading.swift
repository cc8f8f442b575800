extension Checkpoint {
  /// Reads the checkpoint at `path`.
  ///
  /// - Parameters:
  ///   - key: The dotted path of a nested dictionary, or a prefix of names; nil to search.
  ///   - ignore: Patterns of names that are left out.
  /// - Throws: `FormatError`, for any file that is not a readable checkpoint.
  package static func load(
    path: String, key: String? = nil, ignore: [String] = []
  ) throws(FormatError) -> Checkpoint {
    try read(try SourceFile.open(path), key: key, ignore: ignore)
  }

  /// Reads the checkpoint in `file` with the reader of its kind.
  ///
  /// - Parameters:
  ///   - key: The dotted path of a nested dictionary, or a prefix of names; nil to search.
  ///   - ignore: Patterns of names that are left out.
  /// - Throws: `FormatError.notCheckpoint` for another kind of file, else what the reader finds wrong.
  package static func read(
    _ file: SourceFile, key: String? = nil, ignore: [String] = []
  ) throws(FormatError) -> Checkpoint {
    switch file.kind {
    case .zip: try TorchZip.read(file.bytes, path: file.path, names: .init(key: key, ignore: ignore))
    case .safetensors:
      try SafeTensorsFile.checkpoint(file.bytes, path: file.path, key: key, ignore: ignore)
    case .json: try ShardIndex.read(file.bytes, path: file.path, key: key, ignore: ignore)
    case .pickle: try TorchLegacy.read(file.bytes, path: file.path, names: .init(key: key, ignore: ignore))
    case .tar: throw .unsupported(path: file.path, .tarCheckpoint)
    case .fixresModel, .onnx, .compressed, .hdf5, .html, .gitLFSPointer, .other, .empty, .unknown:
      throw .notCheckpoint(path: file.path, kind: file.kind)
    }
  }
}
