/// Spellings of SIMD operations that compile to one or two instructions on SSE2 and on NEON.
///
/// Lane lists, half-width vectors and `replacing` are what the optimiser recognises; generic conversions and
/// 256-bit integer vectors it scalarises.
typealias Words = SIMD8<Int16>
typealias Longs = SIMD4<Int32>

enum Lanes {
  /// Lanes 0...3 of both, alternating.
  @inline(__always) static func interleaveLow(_ a: Words, _ b: Words) -> Words {
    Words(a[0], b[0], a[1], b[1], a[2], b[2], a[3], b[3])
  }

  /// Lanes 4...7 of both, alternating.
  @inline(__always) static func interleaveHigh(_ a: Words, _ b: Words) -> Words {
    Words(a[4], b[4], a[5], b[5], a[6], b[6], a[7], b[7])
  }

  /// Sums of neighbouring products: a0 b0 + a1 b1, a2 b2 + a3 b3, ...
  @inline(__always) static func multiplyAddPairs(_ a: Words, _ b: Words) -> Longs {
    Longs(Int32(a[0]), Int32(a[2]), Int32(a[4]), Int32(a[6]))
      &* Longs(Int32(b[0]), Int32(b[2]), Int32(b[4]), Int32(b[6]))
      &+ Longs(Int32(a[1]), Int32(a[3]), Int32(a[5]), Int32(a[7]))
      &* Longs(Int32(b[1]), Int32(b[3]), Int32(b[5]), Int32(b[7]))
  }

  /// Both, narrowed to 16 bits with saturation.
  @inline(__always) static func narrow(_ a: Longs, _ b: Longs) -> Words {
    let low = clampToInt16(a)
    let high = clampToInt16(b)
    return Words(
      Int16(truncatingIfNeeded: low[0]), Int16(truncatingIfNeeded: low[1]),
      Int16(truncatingIfNeeded: low[2]), Int16(truncatingIfNeeded: low[3]),
      Int16(truncatingIfNeeded: high[0]), Int16(truncatingIfNeeded: high[1]),
      Int16(truncatingIfNeeded: high[2]), Int16(truncatingIfNeeded: high[3]))
  }

  @inline(__always) private static func clampToInt16(_ value: Longs) -> Longs {
    let most = Longs(repeating: 32767)
    let least = Longs(repeating: -32768)
    let below = value.replacing(with: most, where: value .> most)
    return below.replacing(with: least, where: below .< least)
  }

  /// Narrowed to 8 bits, clipped to 0...255.
  @inline(__always) static func clampToBytes(_ value: Words) -> SIMD8<UInt8> {
    let most = Words(repeating: 255)
    let below = value.replacing(with: most, where: value .> most)
    let clipped = below.replacing(with: 0, where: below .< Words(repeating: 0))
    return SIMD8<UInt8>(truncatingIfNeeded: clipped)
  }

  /// Eight bytes, widened.
  @inline(__always) static func widen(_ b: SIMD8<UInt8>) -> Words {
    Words(
      Int16(b[0]), Int16(b[1]), Int16(b[2]), Int16(b[3]), Int16(b[4]), Int16(b[5]), Int16(b[6]), Int16(b[7]))
  }
}
