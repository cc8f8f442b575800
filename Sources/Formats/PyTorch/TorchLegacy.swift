import FixresBase

/// The reader of the format that `torch.save` wrote before PyTorch 1.6: five pickles in a row, then the
/// storages.
///
/// Format: `_legacy_save` in `torch/serialization.py` of PyTorch.
///
///     pickle   magic number 0x1950A86A20F9469CFC6C
///     pickle   protocol version, 1001
///     pickle   {"little_endian": True, ...}
///     pickle   the object; storages are persistent ids with an optional view (key, offset, count)
///     pickle   list of the storages' keys
///     storage  i64 element count, then the elements; in the order of the list
enum TorchLegacy {
  /// 0x1950A86A20F9469CFC6C, little-endian.
  private static let magic: [UInt8] = [0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]
  private static let protocolVersion = 1001

  /// The checkpoint in `bytes`; `names` says where in it the weights are looked for.
  ///
  /// - Throws: `FormatError`.
  static func read(
    _ bytes: Bytes, path: String, names: TorchStateDict.Names
  ) throws(FormatError) -> Checkpoint {
    let context = FaultContext(path: path, format: .torchLegacy)
    let position = try checkPreamble(bytes, path: path, context)
    let pickles = FaultContext(path: path, format: .pickle)
    let (graph, objectEnd) = try PickleMachine.run(bytes, from: position, context: pickles)
    let (keys, keysEnd) = try PickleMachine.run(bytes, from: objectEnd, context: pickles)
    let storages = try readStorages(
      bytes, from: keysEnd, keys: try storageKeys(keys, context), ids: try storageIDs(graph, context), context
    )
    let reader = TorchTensorReader(graph: graph, context: pickles) { (id) throws(FormatError) in
      guard let storage = storages[id.key] else {
        throw context.fault(.key("storage \(id.key)"), expected: "a storage", found: "none")
      }
      return storage
    }
    return try TorchStateDict(graph: graph, reader: reader, path: path)
      .read(names, source: .torchLegacy)
  }

  /// Checks the magic number, the protocol and `sys_info`; returns the offset of the object's pickle.
  private static func checkPreamble(
    _ bytes: Bytes, path: String, _ context: FaultContext
  ) throws(FormatError) -> Int {
    let (first, firstEnd) = try PickleMachine.run(bytes, context: context)
    guard first.kind(first.root) == .bigInt, let number = first.text(first.root), number.array == magic else {
      throw context.unsupported(.otherPickle)
    }
    let (second, secondEnd) = try PickleMachine.run(bytes, from: firstEnd, context: context)
    guard second.int(second.root) == protocolVersion else {
      throw context.fault(
        .byte(firstEnd), expected: "protocol \(protocolVersion)",
        found: second.scalar(second.root) ?? second.describe(second.root))
    }
    let (third, thirdEnd) = try PickleMachine.run(bytes, from: secondEnd, context: context)
    guard let order = third.lookup("little_endian", in: third.root) else {
      throw context.fault(.byte(secondEnd), expected: "sys_info with little_endian", found: "none")
    }
    switch third.kind(order) {
    case .true: return thirdEnd
    case .false: throw context.unsupported(.bigEndian)
    default:
      throw context.fault(
        .byte(secondEnd), expected: "True or False as little_endian", found: "another value")
    }
  }

  /// The keys of the storages in the order of the file.
  private static func storageKeys(_ graph: PickleGraph, _ context: FaultContext) throws(FormatError)
    -> [String]
  {
    let node = graph[graph.root]
    guard node.kind == .list else {
      throw context.fault(.key("storages"), expected: "a list of keys", found: graph.describe(graph.root))
    }
    var keys: [String] = []
    var isValid = true
    graph.forEach(graph.chunks(node)) { id in
      guard let key = graph.string(id, limit: 256) ?? graph.int(id).map(String.init),
        keys.count < ZipArchive.maximumMemberCount
      else {
        isValid = false
        return false
      }
      keys.append(key)
      return true
    }
    guard isValid else {
      throw context.fault(
        .key("storages"), expected: "at most \(ZipArchive.maximumMemberCount) keys", found: "another value")
    }
    return keys
  }

  /// The storages that the object refers to, by key.
  private static func storageIDs(
    _ graph: PickleGraph, _ context: FaultContext
  ) throws(FormatError) -> [String: TorchStorageID] {
    var ids: [String: TorchStorageID] = [:]
    var seen: Set<UInt32> = []
    for node in graph.nodes where node.kind == .persistent && seen.insert(node.low).inserted {
      guard let id = try TorchStorageID(.init(index: node.low), in: graph, context: context) else { continue }
      guard let known = ids.updateValue(id, forKey: id.key) else { continue }
      guard known.elementType == id.elementType, known.count == id.count else {
        throw context.fault(
          .key("storage \(id.key)"), expected: "one type and count", found: "\(known.count) and \(id.count)")
      }
    }
    return ids
  }

  /// Reads the storages, which must end with the file.
  private static func readStorages(
    _ bytes: Bytes, from position: Int, keys: [String], ids: [String: TorchStorageID], _ context: FaultContext
  ) throws(FormatError) -> [String: Bytes] {
    var reader = ByteReader(bytes)
    try context.reading { () throws(ReadError) in try reader.seek(to: position) }
    var storages: [String: Bytes] = [:]
    for key in keys {
      guard let id = ids[key] else {
        throw context.fault(.key("storage \(key)"), expected: "a tensor that reads it", found: "none")
      }
      let count: Int64 = try context.reading { () throws(ReadError) in try reader.readLittle() }
      guard count == Int64(id.count), let byteCount = id.byteCount else {
        throw context.fault(.key("storage \(key)"), expected: "\(id.count) elements", found: "\(count)")
      }
      let data = try context.reading { () throws(ReadError) in try reader.read(byteCount) }
      guard storages.updateValue(data, forKey: key) == nil else {
        throw context.fault(.key("storage \(key)"), expected: "each key once", found: "two")
      }
    }
    guard reader.isAtEnd else {
      throw context.fault(
        .byte(reader.fileOffset), expected: "the end of the file", found: "\(reader.remaining) more bytes")
    }
    return storages
  }
}
