import FixresBase

/// A 128-bit hash of bytes (MurmurHash3 x64 128 by Appleby), for contents that nobody forges.
package struct ContentHash: Hashable, Sendable {
  private var low: UInt64
  private var high: UInt64
  private static let (first, second): (UInt64, UInt64) = (0x87c3_7b91_1142_53d5, 0x4cf5_ad43_2745_937f)

  /// The hash of `bytes`, which continues from `seed` so that hashes can be chained.
  package init(_ bytes: UnsafeRawBufferPointer, seed: ContentHash? = nil) {
    (low, high) = (seed?.low ?? 0, seed?.high ?? 0)
    let blocks = bytes.count / 16
    for block in 0..<blocks {
      let (a, b) = (
        bytes.loadUnaligned(fromByteOffset: block &* 16, as: UInt64.self),
        bytes.loadUnaligned(fromByteOffset: block &* 16 &+ 8, as: UInt64.self)
      )
      mixLow(UInt64(littleEndian: a))
      low = (Self.rotated(low, 27) &+ high) &* 5 &+ 0x52dc_e729
      mixHigh(UInt64(littleEndian: b))
      high = (Self.rotated(high, 31) &+ low) &* 5 &+ 0x3849_5ab5
    }
    var tail: (low: UInt64, high: UInt64) = (0, 0)
    for index in blocks * 16..<bytes.count {
      let place = index - blocks * 16
      let value = UInt64(bytes[index]) << UInt64(8 * (place % 8))
      if place < 8 { tail.low |= value } else { tail.high |= value }
    }
    if bytes.count - blocks * 16 > 8 { mixHigh(tail.high) }
    if bytes.count > blocks * 16 { mixLow(tail.low) }
    low ^= UInt64(bytes.count)
    high ^= UInt64(bytes.count)
    low &+= high
    high &+= low
    (low, high) = (Self.final(low), Self.final(high))
    low &+= high
    high &+= low
  }

  /// The hash of a text's UTF-8 bytes.
  package init(_ text: String, seed: ContentHash? = nil) {
    self = Array(text.utf8).withUnsafeBytes { ContentHash($0, seed: seed) }
  }

  /// The hash that 16 bytes hold, as `bytes` gives them.
  init(stored bytes: UnsafeRawBufferPointer) {
    low = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self))
    high = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
  }

  /// Sixteen bytes, little-endian.
  var bytes: [UInt8] {
    [low, high].flatMap { word in withUnsafeBytes(of: word.littleEndian) { Array($0) } }
  }

  /// Thirty-two hexadecimal digits.
  package var text: String {
    [low, high].map { word in
      let digits = String(word, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }

  private mutating func mixLow(_ word: UInt64) {
    low ^= Self.rotated(word &* Self.first, 31) &* Self.second
  }

  private mutating func mixHigh(_ word: UInt64) {
    high ^= Self.rotated(word &* Self.second, 33) &* Self.first
  }

  private static func rotated(_ word: UInt64, _ count: UInt64) -> UInt64 {
    word << count | word >> (64 &- count)
  }

  private static func final(_ word: UInt64) -> UInt64 {
    var word = word
    word = (word ^ word >> 33) &* 0xff51_afd7_ed55_8ccd
    word = (word ^ word >> 33) &* 0xc4ce_b9fe_1a85_ec53
    return word ^ word >> 33
  }
}
