import FixresBase

/// Reads the end records, the central directory and every local header of a zip archive.
///
/// Format: PKWARE APPNOTE.TXT 6.3, sections 4.3 to 4.5; numbers are little-endian. The file is read from its
/// end:
///
///     offset 0     local header 1, 30 bytes + name + extra     signature "PK" 3 4
///                  data 1 (, data descriptor: flag bit 3)
///                  ...
///                  local header n, data n
///     directory    central entry 1, 46 bytes + name + extra + comment   "PK" 1 2
///                  ...
///                  central entry n
///     (Zip64)      end record, 56 bytes or more                "PK" 6 6
///     (Zip64)      locator, 20 bytes                           "PK" 6 7
///     end          end record, 22 bytes + comment              "PK" 5 6
///
/// A field of all ones has its value in the Zip64 form of its record. Sizes and checksums come from the
/// central entry; the data begins behind the local header, whose extra field may have another length
/// (`torch.save` pads it to align the data to 64 bytes).
///
/// Ambiguity is refused, so that no other reader can see another archive in the same file: there must be one
/// end record, the directory must fill the space before the end records, local headers must agree with their
/// central entries, the first member must begin at byte 0, and members must not overlap.
struct ZipDirectoryParser {
  /// The whole archive.
  let bytes: Bytes
  let context: FaultContext

  static let localSignature: UInt32 = 0x0403_4B50
  static let centralSignature: UInt32 = 0x0201_4B50
  static let endSignature: UInt32 = 0x0605_4B50
  static let end64Signature: UInt32 = 0x0606_4B50
  static let locatorSignature: UInt32 = 0x0706_4B50
  static let endByteCount = 22
  static let locatorByteCount = 20

  /// The central directory, as the end records describe it.
  private struct Directory {
    var memberCount: UInt64
    var byteCount: UInt64
    var offset: UInt64
  }

  /// A central entry.
  struct Entry {
    var member: ZipMember
    /// Offset of the local header.
    var localOffset: Int
    var nameBytes: Bytes
    var flags: UInt16
    var method: UInt16
    /// Bytes of the data once decompressed; equal to the member's where it is stored.
    var size: Int
  }

  /// The members of the archive, in the order of the central directory.
  ///
  /// - Throws: `FormatError.malformed`.
  mutating func parse() throws(FormatError) -> [ZipMember] {
    let (directory, start, end) = try findDirectory()
    guard directory.memberCount <= UInt64(ZipArchive.maximumMemberCount) else {
      throw context.fault(
        .file, expected: "at most \(ZipArchive.maximumMemberCount) members",
        found: "\(directory.memberCount)")
    }
    var entries = try readCentral(from: start, to: end, count: Int(directory.memberCount))
    var spans: [(start: Int, end: Int, index: Int)] = []
    spans.reserveCapacity(entries.count)
    for index in entries.indices {
      let dataOffset = try checkLocal(entries[index], directoryStart: start)
      entries[index].member.dataOffset = dataOffset
      spans.append((entries[index].localOffset, dataOffset + entries[index].member.byteCount, index))
    }
    spans.sort { $0.start < $1.start }
    if let first = spans.first, first.start != 0 {
      throw context.fault(.byte(0), expected: "the first member", found: "\(first.start) bytes of other data")
    }
    for (earlier, later) in zip(spans, spans.dropFirst()) where later.start < earlier.end {
      throw context.fault(
        .member(entries[later.index].member.name), expected: "a start at or behind byte \(earlier.end)",
        found: "an overlap with \(entries[earlier.index].member.name) at byte \(later.start)")
    }
    return entries.map(\.member)
  }

  // MARK: - End records

  /// The directory's description and its extent `[start, end)`, which must end where the end records begin.
  private func findDirectory() throws(FormatError) -> (Directory, start: Int, end: Int) {
    let endOffset = try findEndRecord()
    let (directory, recordOffset) = try readEndRecords(at: endOffset)
    guard let offset = Int(exactly: directory.offset), let count = Int(exactly: directory.byteCount),
      offset <= recordOffset, count == recordOffset - offset
    else {
      throw context.fault(
        .byte(endOffset), expected: "a central directory that ends at byte \(recordOffset)",
        found: "\(directory.byteCount) bytes at \(directory.offset)")
    }
    return (directory, offset, recordOffset)
  }

  /// Offset of the only end record whose comment ends at the end of the file.
  private func findEndRecord() throws(FormatError) -> Int {
    let last = bytes.count - Self.endByteCount
    guard last >= 0 else {
      throw context.fault(
        .file, expected: "an end-of-central-directory record", found: "\(bytes.count) bytes")
    }
    let first = max(0, last - Int(UInt16.max))
    let found = bytes.withUnsafeBytes { raw in
      var found: [Int] = []
      for offset in first...last where raw[offset] == 0x50 {
        guard raw.loadUnaligned(fromByteOffset: offset, as: UInt32.self).littleEndian == Self.endSignature
        else { continue }
        let comment = raw.loadUnaligned(fromByteOffset: offset + 20, as: UInt16.self).littleEndian
        if offset + Self.endByteCount + Int(comment) == raw.count { found.append(offset) }
      }
      return found
    }
    guard let offset = found.first else {
      throw context.fault(
        .byte(last), expected: "an end-of-central-directory record (is the file cut short?)", found: "none")
    }
    guard found.count == 1 else {
      throw context.fault(
        .byte(found[1]), expected: "one end-of-central-directory record", found: "\(found.count)")
    }
    return offset
  }

  /// The description in the end record or its Zip64 form, and the offset of the first of these records.
  private func readEndRecords(at endOffset: Int) throws(FormatError) -> (Directory, recordOffset: Int) {
    var reader = ByteReader(bytes)
    let short: (disk: UInt16, first: UInt16, here: UInt16, all: UInt16, size: UInt32, offset: UInt32) =
      try context.reading { () throws(ReadError) in
        try reader.seek(to: endOffset + 4)
        return (
          try reader.readLittle(), try reader.readLittle(), try reader.readLittle(), try reader.readLittle(),
          try reader.readLittle(), try reader.readLittle()
        )
      }
    guard let long = try readZip64(before: endOffset) else {
      guard short.disk == 0, short.first == 0, short.here == short.all else {
        throw context.fault(.byte(endOffset), expected: "one disk", found: "a split archive")
      }
      let directory = Directory(
        memberCount: UInt64(short.all), byteCount: UInt64(short.size), offset: UInt64(short.offset))
      return (directory, endOffset)
    }
    let agrees =
      (short.here == .max || UInt64(short.here) == long.directory.memberCount)
      && (short.all == .max || UInt64(short.all) == long.directory.memberCount)
      && (short.size == .max || UInt64(short.size) == long.directory.byteCount)
      && (short.offset == .max || UInt64(short.offset) == long.directory.offset)
      && (short.disk == 0 || short.disk == .max) && (short.first == 0 || short.first == .max)
    guard agrees else {
      throw context.fault(
        .byte(endOffset), expected: "the figures of the Zip64 end record", found: "other figures")
    }
    return (long.directory, long.offset)
  }

  /// The description in the Zip64 end record and its offset; nil where no locator is before the end record.
  private func readZip64(before endOffset: Int) throws(FormatError) -> (directory: Directory, offset: Int)? {
    let locatorOffset = endOffset - Self.locatorByteCount
    guard locatorOffset >= 0 else { return nil }
    var reader = ByteReader(bytes)
    let locator: (UInt32, disk: UInt32, offset: UInt64, disks: UInt32) =
      try context.reading { () throws(ReadError) in
        try reader.seek(to: locatorOffset)
        return (
          try reader.readLittle(), try reader.readLittle(), try reader.readLittle(), try reader.readLittle()
        )
      }
    guard locator.0 == Self.locatorSignature else { return nil }
    guard let offset = Int(exactly: locator.offset), offset <= locatorOffset, locatorOffset - offset >= 56,
      locator.disk == 0, locator.disks <= 1
    else {
      throw context.fault(
        .byte(locatorOffset), expected: "a Zip64 end record before byte \(locatorOffset)",
        found: "one at \(locator.offset)")
    }
    let record: (UInt32, size: UInt64, UInt32, disks: UInt64, here: UInt64, all: UInt64, UInt64, UInt64) =
      try context.reading { () throws(ReadError) in
        try reader.seek(to: offset)
        return (
          try reader.readLittle(), try reader.readLittle(), try reader.readLittle(), try reader.readLittle(),
          try reader.readLittle(), try reader.readLittle(), try reader.readLittle(), try reader.readLittle()
        )
      }
    guard record.0 == Self.end64Signature, record.size == UInt64(locatorOffset - offset - 12),
      record.disks == 0, record.here == record.all
    else {
      throw context.fault(
        .byte(offset), expected: "a Zip64 end record of \(locatorOffset - offset) bytes on one disk",
        found: "something else")
    }
    return (Directory(memberCount: record.all, byteCount: record.6, offset: record.7), offset)
  }
}
