/// Eight 16-bit lanes.
typealias Words = SIMD8<Int16>
/// Four 32-bit lanes.
typealias Longs = SIMD4<Int32>

/// SIMD operations written so that each compiles to one or two instructions on SSE2 and on NEON.
///
/// The optimiser recognises lists of lanes, half-width vectors and `replacing`; it scalarises generic conversions
/// and 256-bit integer vectors.
enum Shuffles {
  /// `a0 b0 a1 b1 a2 b2 a3 b3`.
  @inline(__always) static func interleaveLow(_ a: Words, _ b: Words) -> Words {
    Words(a[0], b[0], a[1], b[1], a[2], b[2], a[3], b[3])
  }

  /// `a4 b4 a5 b5 a6 b6 a7 b7`.
  @inline(__always) static func interleaveHigh(_ a: Words, _ b: Words) -> Words {
    Words(a[4], b[4], a[5], b[5], a[6], b[6], a[7], b[7])
  }

  /// Sums of adjacent products, `a0 b0 + a1 b1, a2 b2 + a3 b3, ...` (x86 PMADDWD).
  @inline(__always) static func multiplyAddPairs(_ a: Words, _ b: Words) -> Longs {
    Longs(Int32(a[0]), Int32(a[2]), Int32(a[4]), Int32(a[6]))
      &* Longs(Int32(b[0]), Int32(b[2]), Int32(b[4]), Int32(b[6]))
      &+ Longs(Int32(a[1]), Int32(a[3]), Int32(a[5]), Int32(a[7]))
      &* Longs(Int32(b[1]), Int32(b[3]), Int32(b[5]), Int32(b[7]))
  }

  /// The lanes of `a`, then of `b`, narrowed to 16 bits with signed saturation.
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

  /// Clipped to 0...255, by sign masks: selections between interleaved lanes would be scalarised.
  @inline(__always) static func clip(_ value: Words) -> Words {
    let positive = value & ~(value &>> 15)
    let below = 255 &- positive
    return 255 &- (below & ~(below &>> 15))
  }

  /// Narrowed to 8 bits, clipped to 0...255.
  @inline(__always) static func clampToBytes(_ value: Words) -> SIMD8<UInt8> {
    let most = Words(repeating: 255)
    let below = value.replacing(with: most, where: value .> most)
    let clipped = below.replacing(with: 0, where: below .< Words(repeating: 0))
    return SIMD8<UInt8>(
      UInt8(truncatingIfNeeded: clipped[0]), UInt8(truncatingIfNeeded: clipped[1]),
      UInt8(truncatingIfNeeded: clipped[2]), UInt8(truncatingIfNeeded: clipped[3]),
      UInt8(truncatingIfNeeded: clipped[4]), UInt8(truncatingIfNeeded: clipped[5]),
      UInt8(truncatingIfNeeded: clipped[6]), UInt8(truncatingIfNeeded: clipped[7]))
  }

  /// Eight bytes, widened.
  @inline(__always) static func widen(_ b: SIMD8<UInt8>) -> Words {
    Words(
      Int16(b[0]), Int16(b[1]), Int16(b[2]), Int16(b[3]), Int16(b[4]), Int16(b[5]), Int16(b[6]), Int16(b[7]))
  }
}

/// Transpositions in three stages of interleaving.
///
/// Each stage interleaves wider lanes than the one before (16, 32, 64 bits): the optimiser would merge two shuffles
/// of equal lanes into one that the processor has no instruction for.
extension Shuffles {
  typealias Octets = SIMD16<UInt8>

  @inline(__always) private static func interleaveLow32(_ a: Words, _ b: Words) -> Words {
    let x = unsafeBitCast(a, to: SIMD4<UInt32>.self)
    let y = unsafeBitCast(b, to: SIMD4<UInt32>.self)
    return unsafeBitCast(SIMD4<UInt32>(x[0], y[0], x[1], y[1]), to: Words.self)
  }

  @inline(__always) private static func interleaveHigh32(_ a: Words, _ b: Words) -> Words {
    let x = unsafeBitCast(a, to: SIMD4<UInt32>.self)
    let y = unsafeBitCast(b, to: SIMD4<UInt32>.self)
    return unsafeBitCast(SIMD4<UInt32>(x[2], y[2], x[3], y[3]), to: Words.self)
  }

  @inline(__always) private static func interleaveLow64(_ a: Words, _ b: Words) -> Words {
    let x = unsafeBitCast(a, to: SIMD2<UInt64>.self)
    let y = unsafeBitCast(b, to: SIMD2<UInt64>.self)
    return unsafeBitCast(SIMD2<UInt64>(x[0], y[0]), to: Words.self)
  }

  @inline(__always) private static func interleaveHigh64(_ a: Words, _ b: Words) -> Words {
    let x = unsafeBitCast(a, to: SIMD2<UInt64>.self)
    let y = unsafeBitCast(b, to: SIMD2<UInt64>.self)
    return unsafeBitCast(SIMD2<UInt64>(x[1], y[1]), to: Words.self)
  }

  @inline(__always) private static func interleaveLow8(_ a: Octets, _ b: Octets) -> Words {
    unsafeBitCast(
      Octets(
        a[0], b[0], a[1], b[1], a[2], b[2], a[3], b[3], a[4], b[4], a[5], b[5], a[6], b[6], a[7], b[7]),
      to: Words.self)
  }

  @inline(__always) private static func interleaveHigh8(_ a: Octets, _ b: Octets) -> Words {
    unsafeBitCast(
      Octets(
        a[8], b[8], a[9], b[9], a[10], b[10], a[11], b[11], a[12], b[12], a[13], b[13], a[14], b[14],
        a[15], b[15]),
      to: Words.self)
  }

  /// The transpose of an 8x8 block.
  @inline(__always) static func transpose(_ r: Block8) -> Block8 {
    let a0 = interleaveLow(r.v0, r.v1)
    let a1 = interleaveHigh(r.v0, r.v1)
    let a2 = interleaveLow(r.v2, r.v3)
    let a3 = interleaveHigh(r.v2, r.v3)
    let a4 = interleaveLow(r.v4, r.v5)
    let a5 = interleaveHigh(r.v4, r.v5)
    let a6 = interleaveLow(r.v6, r.v7)
    let a7 = interleaveHigh(r.v6, r.v7)
    let b0 = interleaveLow32(a0, a2)
    let b1 = interleaveHigh32(a0, a2)
    let b2 = interleaveLow32(a1, a3)
    let b3 = interleaveHigh32(a1, a3)
    let b4 = interleaveLow32(a4, a6)
    let b5 = interleaveHigh32(a4, a6)
    let b6 = interleaveLow32(a5, a7)
    let b7 = interleaveHigh32(a5, a7)
    return Block8(
      v0: interleaveLow64(b0, b4), v1: interleaveHigh64(b0, b4), v2: interleaveLow64(b1, b5),
      v3: interleaveHigh64(b1, b5), v4: interleaveLow64(b2, b6), v5: interleaveHigh64(b2, b6),
      v6: interleaveLow64(b3, b7), v7: interleaveHigh64(b3, b7))
  }

  /// Clips an 8x8 block given by its columns to bytes and writes its rows `stride` bytes apart.
  @inline(__always) static func storeTransposed(
    _ c: Block8, to target: UnsafeMutableRawPointer, stride: Int
  ) {
    let q0 = Octets(lowHalf: clampToBytes(c.v0), highHalf: clampToBytes(c.v4))
    let q1 = Octets(lowHalf: clampToBytes(c.v2), highHalf: clampToBytes(c.v6))
    let q2 = Octets(lowHalf: clampToBytes(c.v1), highHalf: clampToBytes(c.v5))
    let q3 = Octets(lowHalf: clampToBytes(c.v3), highHalf: clampToBytes(c.v7))
    let c01 = interleaveLow8(q0, q2)
    let c23 = interleaveLow8(q1, q3)
    let c45 = interleaveHigh8(q0, q2)
    let c67 = interleaveHigh8(q1, q3)
    let left0 = interleaveLow(c01, c23)
    let left4 = interleaveHigh(c01, c23)
    let right0 = interleaveLow(c45, c67)
    let right4 = interleaveHigh(c45, c67)
    storeTwoRows(interleaveLow32(left0, right0), to: target, stride: stride)
    storeTwoRows(interleaveHigh32(left0, right0), to: target + 2 &* stride, stride: stride)
    storeTwoRows(interleaveLow32(left4, right4), to: target + 4 &* stride, stride: stride)
    storeTwoRows(interleaveHigh32(left4, right4), to: target + 6 &* stride, stride: stride)
  }

  @inline(__always) private static func storeTwoRows(
    _ rows: Words, to target: UnsafeMutableRawPointer, stride: Int
  ) {
    let halves = unsafeBitCast(rows, to: SIMD2<UInt64>.self)
    target.storeBytes(of: halves[0], as: UInt64.self)
    target.storeBytes(of: halves[1], toByteOffset: stride, as: UInt64.self)
  }
}

/// An 8x8 block of 16-bit values, a vector each row (or column).
struct Block8 {
  var v0, v1, v2, v3, v4, v5, v6, v7: Words
}

extension Shuffles {
  /// The upper 16 bits of each product.
  @inline(__always) static func multiplyHigh(_ a: Words, _ k: Int32) -> Words {
    @inline(__always) func high(_ lane: Int16) -> Int16 {
      Int16(truncatingIfNeeded: (Int32(lane) &* k) &>> 16)
    }
    return Words(
      high(a[0]), high(a[1]), high(a[2]), high(a[3]), high(a[4]), high(a[5]), high(a[6]), high(a[7]))
  }
}
