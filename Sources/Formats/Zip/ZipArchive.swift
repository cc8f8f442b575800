import FixresBase

/// A member of a zip archive: stored bytes, as the central directory states them.
struct ZipMember: Sendable {
  var name: String
  /// First byte of the data, from the start of the archive.
  var dataOffset: Int
  var byteCount: Int
  var checksum: UInt32
  /// Why the data cannot be read: it is compressed or encrypted.
  var refusal: Unsupported?
}

/// The directory of a zip archive whose members are all stored, as `torch.save` writes it.
///
/// Stricter than most readers on purpose: two readers must never see two different archives in one file.
/// Format: APPNOTE.TXT 6.3 (PKWARE).
struct ZipArchive: Sendable {
  let bytes: Bytes
  let members: [ZipMember]
  private let indexByName: [String: Int]

  static let maximumMemberCount = 1 << 17

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

  func member(_ name: String) -> ZipMember? {
    indexByName[name].map { members[$0] }
  }

  /// The data of `member`, without a copy; its checksum is verified by `ChecksumVerifier`.
  func data(_ member: ZipMember) throws(ReadError) -> Bytes {
    try bytes.slice(member.dataOffset, member.byteCount)
  }
}
