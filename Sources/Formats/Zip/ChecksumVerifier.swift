import FixresBase

/// Compares the CRC-32 of zip members with the stated ones, on several threads.
enum ChecksumVerifier {
  /// Bytes of one unit of work; larger members are split, and the CRCs of their parts combined.
  private static let partByteCount = 1 << 20

  private struct Part {
    var member: Int
    var bytes: Bytes
  }

  /// Verifies the checksums of `members`.
  ///
  /// - Throws: `FormatError.malformed`, naming the first member whose checksum differs.
  static func verify(_ members: [(member: ZipMember, data: Bytes)], context: FaultContext) throws(FormatError)
  {
    let parts = try split(members, context)
    var sums = [UInt32](repeating: 0, count: parts.count)
    sums.withUnsafeMutableBufferPointer { target in
      let results = SendablePointer(target)
      // For fewer parts, starting threads takes longer than the checksums.
      if parts.count < 4 {
        for (index, part) in parts.enumerated() {
          results.store(part.bytes.withUnsafeBytes { CRC32.checksum($0) }, index)
        }
      } else {
        Concurrently.perform(parts.count) { index in
          results.store(parts[index].bytes.withUnsafeBytes { CRC32.checksum($0) }, index)
        }
      }
    }
    var found = [UInt32](repeating: 0, count: members.count)
    for (part, sum) in zip(parts, sums) {
      found[part.member] = CRC32.combine(found[part.member], sum, byteCountOfB: part.bytes.count)
    }
    for (index, entry) in members.enumerated() where found[index] != entry.member.checksum {
      throw context.fault(
        .member(entry.member.name), expected: "checksum " + String(entry.member.checksum, radix: 16),
        found: String(found[index], radix: 16))
    }
  }

  private static func split(
    _ members: [(member: ZipMember, data: Bytes)], _ context: FaultContext
  ) throws(FormatError) -> [Part] {
    var parts: [Part] = []
    for (index, entry) in members.enumerated() {
      var start = 0
      while start < entry.data.count {
        let count = min(partByteCount, entry.data.count - start)
        let window = try context.reading { () throws(ReadError) in try entry.data.slice(start, count) }
        parts.append(Part(member: index, bytes: window))
        start += count
      }
    }
    return parts
  }

  /// The target of all threads; each part's index is written by one thread.
  private struct SendablePointer: @unchecked Sendable {
    private let target: UnsafeMutableBufferPointer<UInt32>

    init(_ target: UnsafeMutableBufferPointer<UInt32>) { self.target = target }

    func store(_ value: UInt32, _ index: Int) { target[index] = value }
  }
}
