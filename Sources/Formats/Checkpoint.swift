import FixresBase

/// The named tensors of a file, whatever container they came in.
package struct Checkpoint: Sendable {
  package enum Source: String, Hashable, Sendable {
    case torchZip, torchLegacy, safetensors, shardedSafetensors, shardedTorch
  }

  package var source: Source
  /// Which dictionary and prefix were taken, such as `state_dict, module.`; nil where the root was.
  package var wrapper: String?
  /// In the file's order, named without wrapper and prefix.
  package var tensors: [CheckpointTensor]
  /// Values that stand where a tensor could but cannot be read as one, by name.
  package var unreadable: [String: UnreadableReason]
  /// Names of entries that are no tensors, or lie outside the dictionary taken.
  package var ignored: [String]
  /// Small facts beside the weights: safetensors' `__metadata__`, `epoch`, `arch`, `args.input_size`.
  package var metadata: [String: String]
  /// What was converted, such as `float64 weights rounded to float32`.
  package var notes: [String]
  /// Elements of all views that repeat their storage's; see `add`.
  var expandedElementCount = 0

  /// The most tensors a dictionary may hold.
  package static let maximumTensorCount = 1 << 16

  /// Reads the checkpoint at `path`; `key` picks a nested dictionary by its dotted path, or a prefix of names.
  package static func load(path: String, key: String? = nil) throws(FormatError) -> Checkpoint {
    let bytes: Bytes
    do { bytes = try MappedFile.open(path) } catch { throw .file(error) }
    return try read(bytes, path: path, key: key)
  }

  /// The checkpoint in `bytes`; `path` names it in errors and finds the other shards.
  package static func read(_ bytes: Bytes, path: String, key: String? = nil) throws(FormatError) -> Checkpoint
  {
    let kind = FileKind.detect(bytes)
    switch kind {
    case .zip: return try TorchZip.read(bytes, path: path, key: key)
    case .safetensors: return try SafeTensorsFile.checkpoint(bytes, path: path, key: key)
    case .json: return try ShardIndex.read(bytes, path: path, key: key)
    case .pickle: return try TorchLegacy.read(bytes, path: path, key: key)
    case .tar: throw .unsupported(path: path, .tarCheckpoint)
    default: throw .notCheckpoint(path: path, kind: kind)
    }
  }
}
