import FixresBase

/// The reader of the format that `torch.save` writes since PyTorch 1.6: a zip archive of a pickle and its
/// storages.
///
/// Format: `torch/serialization.py` and `caffe2/serialize/inline_container.h` of PyTorch. Members, all
/// stored:
///
///     <root>/data.pkl      the object; a tensor is a call of `_rebuild_tensor_v2` on a persistent id
///     <root>/data/<key>    one storage: numel elements of its class, no header
///     <root>/version       decimal, 1 to 10
///     <root>/byteorder     "little"; absent before PyTorch 2.1
///
/// The root folder has any name. Archives of TorchScript and `torch.export` are recognised and refused.
enum TorchZip {
  /// The checkpoint in `bytes`; `names` says where in it the weights are looked for.
  ///
  /// - Throws: `FormatError`.
  static func read(
    _ bytes: Bytes, path: String, names: TorchStateDict.Names
  ) throws(FormatError) -> Checkpoint {
    let archive = try ZipArchive(bytes, path: path)
    let context = FaultContext(path: path, format: .zip)
    let root = try rootFolder(archive, context)
    // Unread members too: torch.save stores all of them.
    if let refusal = archive.members.lazy.compactMap(\.refusal).first { throw context.unsupported(refusal) }
    let pickle = try member(root + "data.pkl", archive, context)
    try checkVersion(archive, root, context)
    let data = try verified(pickle, archive, context)
    let pickleContext = FaultContext(path: path, format: .pickle)
    let (graph, end) = try PickleMachine.run(data, context: pickleContext)
    guard end == data.count else {
      throw pickleContext.fault(
        .byte(data.offset + end), expected: "the end of the pickle", found: "\(data.count - end) more bytes")
    }
    let storages = StorageTable(archive: archive, root: root, context: context)
    let reader = TorchTensorReader(graph: graph, context: pickleContext) { (id) throws(FormatError) in
      try storages.bytes(id)
    }
    let dictionary = TorchStateDict(graph: graph, reader: reader, path: path)
    let checkpoint = try dictionary.read(names, source: .torchZip)
    try ChecksumVerifier.verify(storages.used, context: context)
    return checkpoint
  }

  /// The folder of `data.pkl`, with its slash.
  ///
  /// - Throws: `FormatError.unsupported` for other archives, each kind with a reason of its own.
  private static func rootFolder(_ archive: ZipArchive, _ context: FaultContext) throws(FormatError) -> String
  {
    guard let first = archive.members.first else {
      throw context.fault(.file, expected: "a zip archive with members", found: "an empty one")
    }
    let folder = first.name.utf8.firstIndex(of: UInt8(ascii: "/")).map { String(first.name[...$0]) } ?? ""
    let names = archive.members.prefix(1 << 12).map(\.name)
    if names.contains(where: { $0.hasPrefix(folder + "code/") || $0 == folder + "constants.pkl" }) {
      throw context.unsupported(.torchScript)
    }
    let exported = ["archive_format", "models/model.json", "serialized_exported_program.json"]
    if exported.contains(where: { archive.member(folder + $0) != nil || archive.member($0) != nil }) {
      throw context.unsupported(.exportedProgram)
    }
    guard !folder.isEmpty, archive.member(folder + "data.pkl") != nil else {
      throw context.unsupported(.otherZip(firstMember: first.name))
    }
    return folder
  }

  private static func member(
    _ name: String, _ archive: ZipArchive, _ context: FaultContext
  ) throws(FormatError) -> ZipMember {
    guard let member = archive.member(name) else {
      throw context.fault(.member(name), expected: "this member", found: "none")
    }
    return member
  }

  /// The data of a member, whose checksum is verified.
  private static func verified(
    _ member: ZipMember, _ archive: ZipArchive, _ context: FaultContext
  ) throws(FormatError) -> Bytes {
    let data = try context.reading { () throws(ReadError) in try archive.data(member) }
    try ChecksumVerifier.verify([(member, data)], context: context)
    return data
  }

  /// Throws unless `version` is one that PyTorch reads and `byteorder`, where present, is little.
  private static func checkVersion(
    _ archive: ZipArchive, _ root: String, _ context: FaultContext
  ) throws(FormatError) {
    let version = try member(root + "version", archive, context)
    let text = try verified(version, archive, context).prefixArray(8)
    let number = Int(String(decoding: text.filter { $0 != 0x0A }, as: UTF8.self))
    guard let number, (1...10).contains(number) else {
      throw context.fault(
        .member(version.name), expected: "a version from 1 to 10",
        found: number.map(String.init) ?? "\(version.byteCount) other bytes")
    }
    guard let order = archive.member(root + "byteorder") else { return }
    let word = try verified(order, archive, context)
    if word.starts(with: Array("big".utf8)) { throw context.unsupported(.bigEndian) }
    guard word.count == 6, word.starts(with: Array("little".utf8)) else {
      throw context.fault(.member(order.name), expected: "little", found: "\(word.count) other bytes")
    }
  }
}

extension TorchZip {
  /// The storages that tensors refer to; each is looked up and checked once.
  final class StorageTable {
    private let archive: ZipArchive
    private let root: String
    private let context: FaultContext
    private var known: [String: (id: TorchStorageID, bytes: Bytes)] = [:]
    /// The members that tensors refer to, each once.
    private(set) var used: [(member: ZipMember, data: Bytes)] = []

    init(archive: ZipArchive, root: String, context: FaultContext) {
      self.archive = archive
      self.root = root
      self.context = context
    }

    /// The data of a storage, whose size must be that of its elements.
    func bytes(_ id: TorchStorageID) throws(FormatError) -> Bytes {
      let name = root + "data/" + id.key
      if let (first, bytes) = known[id.key] {
        guard first.elementType == id.elementType, first.count == id.count else {
          throw context.fault(
            .member(name), expected: "\(first.count) elements of \(first.elementType?.rawValue ?? "bytes")",
            found: "\(id.count) of \(id.elementType?.rawValue ?? "bytes")")
        }
        return bytes
      }
      guard let member = archive.member(name) else {
        throw context.fault(.member(name), expected: "a storage", found: "none")
      }
      guard id.byteCount == member.byteCount else {
        throw context.fault(
          .member(name), expected: "\(id.count) elements of \(id.elementType?.rawValue ?? "bytes")",
          found: "\(member.byteCount) bytes")
      }
      let data = try context.reading { () throws(ReadError) in try archive.data(member) }
      known[id.key] = (id, data)
      used.append((member, data))
      return data
    }
  }
}
