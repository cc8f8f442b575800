/// CRC-32 of IEEE 802.3, as zip and PNG use it.
package enum CRC32 {
  /// The checksum of `seed`'s bytes followed by `bytes`; a `seed` of 0 starts anew.
  package static func checksum(_ bytes: UnsafeRawBufferPointer, seed: UInt32 = 0) -> UInt32 {
    SlicedCRC.ieee.checksum(bytes, seed: seed)
  }

  /// The checksum of A followed by B, from their own checksums.
  package static func combine(_ a: UInt32, _ b: UInt32, byteCountOfB: Int) -> UInt32 {
    SlicedCRC.ieee.combine(a, b, byteCountOfB: byteCountOfB)
  }
}

/// CRC-32C (Castagnoli, RFC 3720), as the model file uses it.
package enum CRC32C {
  /// The checksum of `seed`'s bytes followed by `bytes`; a `seed` of 0 starts anew.
  package static func checksum(_ bytes: UnsafeRawBufferPointer, seed: UInt32 = 0) -> UInt32 {
    SlicedCRC.castagnoli.checksum(bytes, seed: seed)
  }

  /// The checksum of A followed by B, from their own checksums; so parts can be summed in parallel.
  package static func combine(_ a: UInt32, _ b: UInt32, byteCountOfB: Int) -> UInt32 {
    SlicedCRC.castagnoli.combine(a, b, byteCountOfB: byteCountOfB)
  }
}

/// A reflected 32-bit CRC, computed sixteen bytes at a step in three independent lanes.
///
/// Slicing after Kounavis and Berry, "Novel table lookup-based algorithms for high-performance CRC generation" (2008).
struct SlicedCRC: @unchecked Sendable {
  // Sendable because the tables are written once, here, and live as long as the process.
  private let polynomial: UInt32
  /// `tables[256 * k + b]`: the remainder of byte `b` followed by `k` zero bytes.
  private let tables: UnsafePointer<UInt32>
  private let laneShift: UInt32

  static let ieee = SlicedCRC(polynomial: 0xEDB8_8320)
  static let castagnoli = SlicedCRC(polynomial: 0x82F6_3B78)

  /// Bytes of one lane; three lanes hide the latency of the table look-ups, and stay in the first cache.
  private static let laneByteCount = 4096

  private init(polynomial: UInt32) {
    self.polynomial = polynomial
    let tables = UnsafeMutablePointer<UInt32>.allocate(capacity: 16 * 256)
    for byte in 0..<256 {
      var value = UInt32(byte)
      for _ in 0..<8 { value = value & 1 == 0 ? value >> 1 : value >> 1 ^ polynomial }
      tables[byte] = value
    }
    for index in 256..<16 * 256 {
      let before = tables[index - 256]
      tables[index] = before >> 8 ^ tables[Int(before & 255)]
    }
    self.tables = UnsafePointer(tables)
    self.laneShift = SlicedCRC.powerOfX(8 * SlicedCRC.laneByteCount, polynomial)
  }

  func checksum(_ bytes: UnsafeRawBufferPointer, seed: UInt32) -> UInt32 {
    guard var next = bytes.baseAddress else { return seed }
    var remaining = bytes.count
    var state = ~seed
    let lane = SlicedCRC.laneByteCount
    while remaining >= 3 * lane {
      var second: UInt32 = 0
      var third: UInt32 = 0
      for _ in 0..<lane / 16 {
        state = step(state, next)
        second = step(second, next + lane)
        third = step(third, next + 2 * lane)
        next += 16
      }
      state = multiply(state, laneShift) ^ second
      state = multiply(state, laneShift) ^ third
      next += 2 * lane
      remaining -= 3 * lane
    }
    while remaining >= 16 {
      state = step(state, next)
      next += 16
      remaining -= 16
    }
    while remaining > 0 {
      state = state >> 8 ^ tables[Int((state ^ UInt32(next.load(as: UInt8.self))) & 255)]
      next += 1
      remaining -= 1
    }
    return ~state
  }

  func combine(_ a: UInt32, _ b: UInt32, byteCountOfB: Int) -> UInt32 {
    precondition(byteCountOfB >= 0, "a part of a checksum has at least 0 bytes")
    guard byteCountOfB > 0 else { return a }
    let (bits, overflow) = byteCountOfB.multipliedReportingOverflow(by: 8)
    precondition(!overflow, "a part of a checksum has fewer than 2^60 bytes")
    return multiply(a, SlicedCRC.powerOfX(bits, polynomial)) ^ b
  }

  /// The state after sixteen more bytes.
  @inline(__always)
  private func step(_ state: UInt32, _ next: UnsafeRawPointer) -> UInt32 {
    let low = UInt64(littleEndian: next.loadUnaligned(as: UInt64.self)) ^ UInt64(state)
    let high = UInt64(littleEndian: next.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
    return half(low, tables + 8 * 256) ^ half(high, tables)
  }

  /// Eight bytes of a step, of which the first looks in the last of the eight tables at `tables`.
  @inline(__always)
  private func half(_ word: UInt64, _ tables: UnsafePointer<UInt32>) -> UInt32 {
    let a = tables[1792 + Int(word & 255)] ^ tables[1536 + Int(word >> 8 & 255)]
    let b = tables[1280 + Int(word >> 16 & 255)] ^ tables[1024 + Int(word >> 24 & 255)]
    let c = tables[768 + Int(word >> 32 & 255)] ^ tables[512 + Int(word >> 40 & 255)]
    let d = tables[256 + Int(word >> 48 & 255)] ^ tables[Int(word >> 56)]
    return (a ^ b) ^ (c ^ d)
  }

  private func multiply(_ a: UInt32, _ b: UInt32) -> UInt32 { SlicedCRC.multiply(a, b, polynomial) }

  /// The product of two polynomials modulo the CRC's; bit 31 is the constant term.
  private static func multiply(_ a: UInt32, _ b: UInt32, _ polynomial: UInt32) -> UInt32 {
    var product: UInt32 = 0
    var factor = b
    var bit: UInt32 = 1 << 31
    while bit != 0 {
      product ^= a & bit != 0 ? factor : 0
      factor = factor >> 1 ^ (factor & 1 != 0 ? polynomial : 0)
      bit >>= 1
    }
    return product
  }

  /// x to the power of `exponent`, modulo the CRC's polynomial.
  private static func powerOfX(_ exponent: Int, _ polynomial: UInt32) -> UInt32 {
    var result: UInt32 = 1 << 31
    var square: UInt32 = 1 << 30
    var rest = exponent
    while rest > 0 {
      if rest & 1 != 0 { result = multiply(result, square, polynomial) }
      square = multiply(square, square, polynomial)
      rest >>= 1
    }
    return result
  }
}
