/// A prefix code of deflate (RFC 1951, 3.2.2): canonical, sent most significant bit first in a stream of bits that is
/// read from the least significant bit.
struct DeflateCode {
  static let lookupBits = 10

  /// `[1 << lookupBits]`, indexed by the next bits: `symbol << 4 | length`; 0 for longer codes and for no code.
  let lookup: [UInt16]
  /// `[16]`: number of codes of each length.
  let counts: [UInt16]
  /// Symbols in the order of their codes.
  let symbols: [UInt16]

  /// The code of `lengths`, by symbol; nil where they are no prefix code, or an incomplete one other than a single
  /// code or none where `mayBeIncomplete`.
  init?(_ lengths: ArraySlice<UInt8>, mayBeIncomplete: Bool) {
    var counts = [UInt16](repeating: 0, count: 16)
    for length in lengths { counts[Int(length)] += 1 }
    let used = lengths.count - Int(counts[0])
    counts[0] = 0
    var left = 1
    var nextCodes = [Int](repeating: 0, count: 17)
    var nextIndices = [Int](repeating: 0, count: 17)
    for length in 1...15 {
      left = left * 2 - Int(counts[length])
      guard left >= 0 else { return nil }
      nextCodes[length + 1] = (nextCodes[length] + Int(counts[length])) << 1
      nextIndices[length + 1] = nextIndices[length] + Int(counts[length])
    }
    // zlib accepts an incomplete distance code only with one code of one bit, or none.
    let isSingle = mayBeIncomplete && (used == 0 || used == 1 && counts[1] == 1)
    guard left == 0 || isSingle else { return nil }
    var lookup = [UInt16](repeating: 0, count: 1 << Self.lookupBits)
    var symbols = [UInt16](repeating: 0, count: used)
    for (symbol, length) in lengths.enumerated() where length > 0 {
      let length = Int(length)
      symbols[nextIndices[length]] = UInt16(symbol)
      nextIndices[length] += 1
      let code = nextCodes[length]
      nextCodes[length] += 1
      guard length <= Self.lookupBits else { continue }
      var reversed = 0
      for bit in 0..<length where code >> bit & 1 == 1 { reversed |= 1 << (length - 1 - bit) }
      for index in stride(from: reversed, to: lookup.count, by: 1 << length) {
        lookup[index] = UInt16(symbol) << 4 | UInt16(length)
      }
    }
    self.lookup = lookup
    self.counts = counts
    self.symbols = symbols
  }

  /// A code whose lengths are known to be valid.
  static func fixed(_ lengths: [UInt8]) -> DeflateCode {
    guard let code = DeflateCode(lengths[...], mayBeIncomplete: true) else {
      preconditionFailure("the fixed codes of deflate are complete prefix codes")
    }
    return code
  }

  /// Smallest length or distance of a symbol and the number of bits that follow, whose value is added.
  struct Range {
    let base: UInt16
    let extraBits: UInt8
  }

  /// Lengths, indexed by symbol - 257 (RFC 1951, 3.2.5).
  static let lengths: [Range] =
    ranges(
      first: 3,
      extraBits: [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5])
    + [Range(base: 258, extraBits: 0)]

  /// Distances, indexed by symbol.
  static let distances: [Range] = ranges(
    first: 1,
    extraBits: [0, 0, 0, 0] + (1...13).flatMap { [UInt8($0), UInt8($0)] })

  private static func ranges(first: Int, extraBits: [UInt8]) -> [Range] {
    var base = first
    return extraBits.map { bits in
      defer { base += 1 << Int(bits) }
      return Range(base: UInt16(base), extraBits: bits)
    }
  }
}

/// The checksum of zlib streams (RFC 1950).
enum Adler32 {
  static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    var a: UInt32 = 1
    var b: UInt32 = 0
    var index = 0
    while index < bytes.count {
      // 5552 bytes is the most whose sums fit 32 bits without a remainder.
      let end = min(index + 5552, bytes.count)
      while index < end {
        a &+= UInt32(bytes[index])
        b &+= a
        index &+= 1
      }
      a %= 65521
      b %= 65521
    }
    return b << 16 | a
  }
}
