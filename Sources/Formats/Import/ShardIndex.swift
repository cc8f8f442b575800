import FixresBase

/// The reader of `model.safetensors.index.json` and `pytorch_model.bin.index.json`.
///
/// Format: Hugging Face's sharded checkpoints. The index maps tensor names to file names in its own folder:
///
///     {"metadata": {...}, "weight_map": {name: "model-00001-of-00002.safetensors", ...}}
///
/// File names are untrusted: only plain names are opened. All shards are of one kind, and a shard must hold
/// every tensor that the index assigns to it.
enum ShardIndex {
  /// Limit on the number of files.
  static let maximumShardCount = 1024

  /// The checkpoint of all shards of the index in `bytes`.
  ///
  /// - Throws: `FormatError`.
  static func read(
    _ bytes: Bytes, path: String, key: String?, ignore: [String] = []
  ) throws(FormatError) -> Checkpoint {
    let context = FaultContext(path: path, format: .shardIndex)
    let map = try weightMap(bytes, path: path, context)
    var checkpoint: Checkpoint?
    for (file, names) in map {
      let shard = try readShard(folder(of: path) + file)
      try merge(shard, names: names, file: file, into: &checkpoint, context)
    }
    guard var checkpoint else { throw .noTensors(path: path, entries: []) }
    try checkpoint.takeNames(path: path, below: key, ignore: ignore)
    return checkpoint
  }

  /// The files in the order in which the index first names them, each with the names of its tensors.
  private static func weightMap(
    _ bytes: Bytes, path: String, _ context: FaultContext
  ) throws(FormatError) -> [(file: String, names: Set<UTF8Key>)] {
    var json = StrictJSON(bytes, context: context)
    guard try json.piece() == .beginObject else { throw json.fault("a JSON object", "another value") }
    var shards: [(file: String, names: Set<UTF8Key>)]?
    while case .key(let text) = try json.piece() {
      let value = try json.piece()
      if json.isKey(text, "weight_map") {
        guard value == .beginObject else { throw json.fault("an object as weight_map", "another value") }
        shards = try readMap(&json, path: path, context)
      } else {
        try json.skip(value)
      }
    }
    _ = try json.next()
    guard let shards else { throw .notCheckpoint(path: path, kind: .json) }
    return shards
  }

  private static func readMap(
    _ json: inout StrictJSON, path: String, _ context: FaultContext
  ) throws(FormatError) -> [(file: String, names: Set<UTF8Key>)] {
    var shards: [(file: String, names: Set<UTF8Key>)] = []
    var indices: [UTF8Key: Int] = [:]
    var count = 0
    while case .key(let text) = try json.piece() {
      count += 1
      guard count <= Checkpoint.maximumTensorCount else {
        throw .tooManyTensors(path: path, count: count, limit: Checkpoint.maximumTensorCount)
      }
      guard text.byteCount <= SafeTensorsFile.maximumNameByteCount,
        case .string(let value) = try json.piece(), value.byteCount <= 255
      else {
        throw json.fault("a tensor's name and its file's", "another value")
      }
      let name = json.string(text)
      let file = json.string(value)
      guard isPlainName(file) else {
        throw context.fault(
          .tensor(name), expected: "the plain name of a file beside the index", found: file.debugDescription)
      }
      let index = indices[UTF8Key(file), default: shards.count]
      if index == shards.count {
        guard shards.count < maximumShardCount else {
          throw json.fault("at most \(maximumShardCount) files", "more")
        }
        indices[UTF8Key(file)] = index
        shards.append((file, []))
      }
      shards[index].names.insert(UTF8Key(name))
    }
    return shards
  }

  /// True for a file name without a slash, backslash, control character or leading dot.
  private static func isPlainName(_ name: String) -> Bool {
    let isSafe = name.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x2F && $0 != 0x5C && $0 != 0x7F }
    return isSafe && !name.isEmpty && name.utf8.first != UInt8(ascii: ".")
  }

  /// The folder of `path`, with its slash; empty for a plain file name.
  private static func folder(of path: String) -> String {
    path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(path[...$0]) } ?? ""
  }

  /// The tensors of a shard with their full names; an index in place of a shard is refused.
  private static func readShard(_ path: String) throws(FormatError) -> Checkpoint {
    let file = try SourceFile.open(path)
    switch file.kind {
    case .safetensors: return try SafeTensorsFile.read(file.bytes, path: path)
    case .zip: return try TorchZip.read(file.bytes, path: path, names: .init(keepsNames: true))
    case .pickle: return try TorchLegacy.read(file.bytes, path: path, names: .init(keepsNames: true))
    default: throw .notCheckpoint(path: path, kind: file.kind)
    }
  }

  /// Adds the tensors that the index assigns to `shard`; the others are listed as ignored.
  private static func merge(
    _ shard: Checkpoint, names: Set<UTF8Key>, file: String, into checkpoint: inout Checkpoint?,
    _ context: FaultContext
  ) throws(FormatError) {
    let source: Checkpoint.Source = shard.source == .safetensors ? .shardedSafetensors : .shardedTorch
    var merged = checkpoint ?? Checkpoint(source: source)
    guard merged.source == source else {
      throw context.fault(.key(file), expected: "shards of one kind", found: "safetensors and PyTorch")
    }
    var missing = names
    for tensor in shard.tensors {
      if missing.remove(UTF8Key(tensor.name)) == nil {
        merged.ignored.append(tensor.name)
      } else {
        merged.add(tensor)
      }
    }
    for (name, reason) in shard.unreadable where missing.remove(UTF8Key(name)) != nil {
      merged.unreadable[name] = reason
    }
    if let name = missing.min(by: { $0.string < $1.string }) {
      throw context.fault(.tensor(name.string), expected: "this tensor in \(file)", found: "none")
    }
    merged.ignored += shard.ignored
    merged.metadata.merge(shard.metadata) { first, _ in first }
    checkpoint = merged
  }
}
