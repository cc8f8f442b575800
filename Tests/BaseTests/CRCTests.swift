import FixresBase
import Testing

private func ieee(_ bytes: [UInt8], seed: UInt32 = 0) -> UInt32 {
  bytes.withUnsafeBytes { CRC32.checksum($0, seed: seed) }
}

private func castagnoli(_ bytes: [UInt8], seed: UInt32 = 0) -> UInt32 {
  bytes.withUnsafeBytes { CRC32C.checksum($0, seed: seed) }
}

/// One bit at a time, as the definition says.
private func bitwise(_ bytes: [UInt8], polynomial: UInt32) -> UInt32 {
  var state: UInt32 = 0xFFFF_FFFF
  for byte in bytes {
    state ^= UInt32(byte)
    for _ in 0..<8 { state = state & 1 == 0 ? state >> 1 : state >> 1 ^ polynomial }
  }
  return ~state
}

private func noise(_ count: Int, seed: UInt64) -> [UInt8] {
  var random = SeededRandom(seed: seed)
  return (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next() >> 33) }
}

@Suite struct CRCTests {
  @Test func knownAnswers() {
    let digits = Array("123456789".utf8)
    #expect(ieee(digits) == 0xCBF4_3926)
    #expect(castagnoli(digits) == 0xE306_9283)
    #expect(ieee([]) == 0)
    #expect(castagnoli([]) == 0)
    // RFC 3720, B.4.
    #expect(castagnoli([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
    #expect(castagnoli([UInt8](repeating: 0xFF, count: 32)) == 0x62A8_AB43)
    #expect(castagnoli(Array(0..<32)) == 0x46DD_794E)
    #expect(castagnoli(Array((0..<32).reversed())) == 0x113F_DB5C)
  }

  @Test func everyLengthAgreesWithTheDefinition() {
    let bytes = noise(12_288 * 2 + 77, seed: 1)
    let lengths = Array(0...70) + [4095, 4096, 12_287, 12_288, 12_289, 16_400, bytes.count]
    for length in lengths {
      let part = Array(bytes.prefix(length))
      #expect(ieee(part) == bitwise(part, polynomial: 0xEDB8_8320), "length \(length)")
      #expect(castagnoli(part) == bitwise(part, polynomial: 0x82F6_3B78), "length \(length)")
    }
  }

  @Test func seedsAndCombinesJoinParts() {
    let bytes = noise(40_000, seed: 2)
    for cut in [0, 1, 15, 4096, 12_288, 39_999, 40_000] {
      let (a, b) = (Array(bytes.prefix(cut)), Array(bytes.dropFirst(cut)))
      #expect(castagnoli(b, seed: castagnoli(a)) == castagnoli(bytes))
      #expect(
        CRC32C.combine(castagnoli(a), castagnoli(b), byteCountOfB: b.count) == castagnoli(bytes))
      #expect(ieee(b, seed: ieee(a)) == ieee(bytes))
      #expect(CRC32.combine(ieee(a), ieee(b), byteCountOfB: b.count) == ieee(bytes))
    }
  }

  @Test func everySingleBitFlipIsSeen() {
    let bytes = noise(200, seed: 3)
    let sum = castagnoli(bytes)
    for bit in 0..<bytes.count * 8 {
      var flipped = bytes
      flipped[bit / 8] ^= 1 << (bit % 8)
      #expect(castagnoli(flipped) != sum)
    }
  }
}
