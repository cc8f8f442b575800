import FixresBase

extension ZipDirectoryParser {
  /// The entries of the central directory, which must fill `[start, end)`.
  ///
  /// - Throws: `FormatError.malformed`.
  func readCentral(from start: Int, to end: Int, count: Int) throws(FormatError) -> [Entry] {
    let extent = try context.reading { () throws(ReadError) in try bytes.slice(start, end - start) }
    var reader = ByteReader(extent)
    // An entry has 46 bytes at least; the check bounds the memory that is reserved.
    guard count <= extent.count / 46 else {
      throw context.fault(
        .byte(start), expected: "\(count) members in the central directory", found: "\(extent.count) bytes")
    }
    var entries: [Entry] = []
    entries.reserveCapacity(count)
    for _ in 0..<count { entries.append(try readEntry(&reader)) }
    guard reader.isAtEnd else {
      throw context.fault(
        .byte(reader.fileOffset), expected: "the end of the central directory",
        found: "\(reader.remaining) more bytes")
    }
    return entries
  }

  /// The fixed fields of a central entry, in file order.
  private struct CentralFields {
    var flags: UInt16 = 0
    var method: UInt16 = 0
    var checksum: UInt32 = 0
    var compressed: UInt32 = 0
    var size: UInt32 = 0
    var nameCount: UInt16 = 0
    var extraCount: UInt16 = 0
    var commentCount: UInt16 = 0
    var disk: UInt16 = 0
    var localOffset: UInt32 = 0
  }

  private func readEntry(_ reader: inout ByteReader) throws(FormatError) -> Entry {
    let start = reader.fileOffset
    var fields = CentralFields()
    let nameBytes: Bytes
    let extra: Bytes
    do throws(ReadError) {
      guard try reader.readLittle(UInt32.self) == Self.centralSignature else {
        throw .overflow(offset: start, what: "")
      }
      try reader.skip(4)
      fields.flags = try reader.readLittle()
      fields.method = try reader.readLittle()
      try reader.skip(4)
      fields.checksum = try reader.readLittle()
      fields.compressed = try reader.readLittle()
      fields.size = try reader.readLittle()
      fields.nameCount = try reader.readLittle()
      fields.extraCount = try reader.readLittle()
      fields.commentCount = try reader.readLittle()
      fields.disk = try reader.readLittle()
      try reader.skip(6)
      fields.localOffset = try reader.readLittle()
      nameBytes = try reader.read(Int(fields.nameCount))
      extra = try reader.read(Int(fields.extraCount))
      try reader.skip(Int(fields.commentCount))
    } catch {
      throw context.fault(
        .byte(start), expected: "an entry of the central directory", found: "something else")
    }
    let name = try memberName(nameBytes)
    let figures = try resolve(fields, extra: extra, name: name)
    // Bit 0: encrypted; bit 6: strongly encrypted; bit 13: the local header is masked.
    let refusal: Unsupported? =
      if fields.flags & 0x2041 != 0 {
        .encryptedMember(name: name)
      } else if fields.method != 0 {
        .compressedMember(name: name, method: Int(fields.method))
      } else {
        nil
      }
    guard refusal != nil || figures.compressed == figures.size else {
      throw context.fault(
        .member(name), expected: "\(figures.size) stored bytes", found: "\(figures.compressed)")
    }
    guard fields.disk == 0 || fields.disk == .max else {
      throw context.fault(.member(name), expected: "one disk", found: "disk \(fields.disk)")
    }
    let member = ZipMember(
      name: name, dataOffset: 0, byteCount: figures.compressed, checksum: fields.checksum, refusal: refusal)
    return Entry(
      member: member, localOffset: figures.localOffset, nameBytes: nameBytes, flags: fields.flags,
      method: fields.method, size: figures.size)
  }

  private func memberName(_ nameBytes: Bytes) throws(FormatError) -> String {
    let name = nameBytes.withUnsafeBytes { String(validating: $0, as: UTF8.self) }
    guard let name, !name.isEmpty, !name.utf8.contains(0) else {
      throw context.fault(
        .byte(nameBytes.offset), expected: "a member name in UTF-8", found: "\(nameBytes.count) other bytes")
    }
    return name
  }

  /// Sizes and offset, read from the Zip64 extra field (id 1) where the 32-bit field is all ones.
  private func resolve(
    _ fields: CentralFields, extra: Bytes, name: String
  ) throws(FormatError) -> (size: Int, compressed: Int, localOffset: Int) {
    var size = UInt64(fields.size)
    var compressed = UInt64(fields.compressed)
    var offset = UInt64(fields.localOffset)
    do throws(ReadError) {
      var reader = ByteReader(extra)
      var seen = false
      while reader.remaining >= 4 {
        let id: UInt16 = try reader.readLittle()
        var field = ByteReader(try reader.read(Int(try reader.readLittle(UInt16.self))))
        guard id == 1 else { continue }
        guard !seen else { throw .overflow(offset: extra.offset, what: "") }
        seen = true
        if fields.size == .max { size = try field.readLittle() }
        if fields.compressed == .max { compressed = try field.readLittle() }
        if fields.localOffset == .max { offset = try field.readLittle() }
      }
    } catch {
      throw context.fault(.member(name), expected: "well-formed extra fields", found: "others")
    }
    guard let size = Int(exactly: size), let compressed = Int(exactly: compressed),
      let offset = Int(exactly: offset), size <= bytes.count, compressed <= bytes.count
    else {
      throw context.fault(
        .member(name), expected: "a size within the file's \(bytes.count) bytes", found: "\(size)")
    }
    return (size, compressed, offset)
  }

  /// Compares the local header with the central entry; returns the offset of the data.
  ///
  /// - Throws: `FormatError.malformed`, where they disagree or the data reaches into the directory.
  func checkLocal(_ entry: Entry, directoryStart: Int) throws(FormatError) -> Int {
    let member = entry.member
    var reader = ByteReader(bytes)
    let dataOffset: Int
    var agrees = false
    do throws(ReadError) {
      try reader.seek(to: entry.localOffset)
      let signature: UInt32 = try reader.readLittle()
      try reader.skip(2)
      let flags: UInt16 = try reader.readLittle()
      let method: UInt16 = try reader.readLittle()
      try reader.skip(4)
      let checksum: UInt32 = try reader.readLittle()
      let compressed: UInt32 = try reader.readLittle()
      let size: UInt32 = try reader.readLittle()
      let nameCount: UInt16 = try reader.readLittle()
      let extraCount: UInt16 = try reader.readLittle()
      let name = try reader.read(Int(nameCount))
      try reader.skip(Int(extraCount))
      dataOffset = reader.position
      // Bit 3: sizes and checksum are in a data descriptor behind the data, and may be 0 here.
      let deferred = flags & 8 != 0
      func matches(_ local: UInt32, _ central: Int) -> Bool {
        local == .max || Int(local) == central || (deferred && local == 0)
      }
      agrees = signature == Self.localSignature && flags == entry.flags && method == entry.method
      agrees = agrees && matches(compressed, member.byteCount) && matches(size, entry.size)
      agrees = agrees && (checksum == member.checksum || (deferred && checksum == 0))
      agrees = agrees && name.isEqual(to: entry.nameBytes)
    } catch {
      throw context.fault(
        .member(member.name), expected: "a local header at byte \(entry.localOffset)", found: "none")
    }
    guard agrees else {
      throw context.fault(
        .member(member.name), expected: "the local header to agree with the central directory",
        found: "another at byte \(entry.localOffset)")
    }
    guard dataOffset <= directoryStart, member.byteCount <= directoryStart - dataOffset else {
      throw context.fault(
        .member(member.name), expected: "\(member.byteCount) bytes at \(dataOffset)",
        found: "the central directory at \(directoryStart)")
    }
    return dataOffset
  }
}
