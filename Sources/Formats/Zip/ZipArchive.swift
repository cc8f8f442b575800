import FixresBase

/// A member of a zip archive, as the central directory describes it.
struct ZipMember: Sendable {
  /// Path inside the archive.
  var name: String
  /// Offset of the data from the start of the archive.
  var dataOffset: Int
  /// Bytes of the data as stored.
  var byteCount: Int
  /// CRC-32 of the data.
  var checksum: UInt32
  /// Why the data cannot be read (compressed or encrypted); nil where it can.
  var refusal: Unsupported?
}

/// A zip archive of stored (not compressed) members, as `torch.save` writes it.
///
/// The file's layout and the rules that it must obey are described at `ZipDirectoryParser`.
struct ZipArchive: Sendable {
  /// The whole archive.
  let bytes: Bytes
  /// The members in the order of the central directory.
  let members: [ZipMember]
  private let indexByName: [String: Int]

  /// Limit on the number of members.
  static let maximumMemberCount = 1 << 17

  /// Reads the directory of the archive in `bytes`; `path` names it in errors.
  ///
  /// - Throws: `FormatError.malformed`, also for two members of one name.
  init(_ bytes: Bytes, path: String) throws(FormatError) {
    var parser = ZipDirectoryParser(bytes: bytes, context: FaultContext(path: path, format: .zip))
    let members = try parser.parse()
    var index: [String: Int] = [:]
    index.reserveCapacity(members.count)
    for (position, member) in members.enumerated() {
      if index.updateValue(position, forKey: member.name) != nil {
        throw parser.context.fault(.member(member.name), expected: "one member of this name", found: "two")
      }
    }
    self.bytes = bytes
    self.members = members
    self.indexByName = index
  }

  /// The member called `name`; nil where there is none.
  func member(_ name: String) -> ZipMember? {
    indexByName[name].map { members[$0] }
  }

  /// The data of `member`, without a copy; `ChecksumVerifier` compares its checksum.
  func data(_ member: ZipMember) throws(ReadError) -> Bytes {
    try bytes.slice(member.dataOffset, member.byteCount)
  }
}
