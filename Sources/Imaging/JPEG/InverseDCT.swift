/// The accurate integer inverse DCT of Loeffler, Ligtenberg and Moschytz as libjpeg's `islow` rounds it:
/// constants with 13 bits behind the point, 2 extra bits kept between the passes.
enum InverseDCT {
  private static let firstShift: Int32 = 11
  private static let secondShift: Int32 = 18

  /// Eight rows of `[8, 8]` coefficients, dequantised, transformed and written as bytes `stride` apart.
  ///
  /// - Parameter last: a zigzag index behind which all coefficients are 0, or 9 where those outside the top left
  ///   quarter are.
  @inline(__always) static func transform(
    _ coefficients: UnsafePointer<Int16>, quantization: UnsafePointer<Int16>, last: Int,
    to target: UnsafeMutablePointer<UInt8>, stride: Int
  ) {
    if last == 0 {
      fill(coefficients[0] &* quantization[0], to: target, stride: stride)
    } else if last <= 9 {
      // Zigzag indices 0...9 lie in the top left quarter.
      transformQuarter(coefficients, quantization, to: target, stride: stride)
    } else {
      transformWhole(coefficients, quantization, to: target, stride: stride)
    }
  }

  /// A bound for `transform`'s `last`: 0, 9 or 63.
  static func lastIndex(of coefficients: UnsafePointer<Int16>) -> Int {
    let rows = UnsafeRawPointer(coefficients)
    @inline(__always) func row(_ index: Int) -> Words {
      rows.loadUnaligned(fromByteOffset: 16 &* index, as: Words.self)
    }
    let below = (row(4) | row(5)) | (row(6) | row(7))
    let upper = row(1) | row(2) | row(3)
    let right = unsafeBitCast(row(0) | upper | below, to: SIMD2<UInt64>.self)
    let lower = unsafeBitCast(below, to: SIMD2<UInt64>.self)
    if lower[0] | lower[1] | right[1] != 0 { return 63 }
    let rest = unsafeBitCast(upper, to: SIMD2<UInt64>.self)
    let first = unsafeBitCast(row(0), to: SIMD2<UInt64>.self)
    // Little-endian: the mean is the lowest 16 bits.
    return rest[0] | first[0] &>> 16 == 0 ? 0 : 9
  }

  /// A block of which only the mean differs from 0.
  private static func fill(_ mean: Int16, to target: UnsafeMutablePointer<UInt8>, stride: Int) {
    let level = ((Int(mean &<< 2) + 16) >> 5) + 128
    let row = UInt64(min(max(level, 0), 255)) &* 0x0101_0101_0101_0101
    let address = UnsafeMutableRawPointer(target)
    for y in 0..<8 { address.storeBytes(of: row, toByteOffset: y &* stride, as: UInt64.self) }
  }

  private static func transformWhole(
    _ coefficients: UnsafePointer<Int16>, _ quantization: UnsafePointer<Int16>,
    to target: UnsafeMutablePointer<UInt8>, stride: Int
  ) {
    let block = Block8(
      v0: row(0, coefficients, quantization), v1: row(1, coefficients, quantization),
      v2: row(2, coefficients, quantization), v3: row(3, coefficients, quantization),
      v4: row(4, coefficients, quantization), v5: row(5, coefficients, quantization),
      v6: row(6, coefficients, quantization), v7: row(7, coefficients, quantization))
    let columns = pass(block, bias: 1 << (firstShift - 1), shift: firstShift)
    let result = pass(Lanes.transpose(columns), bias: secondBias, shift: secondShift)
    Lanes.storeTransposed(result, to: UnsafeMutableRawPointer(target), stride: stride)
  }

  private static func transformQuarter(
    _ coefficients: UnsafePointer<Int16>, _ quantization: UnsafePointer<Int16>,
    to target: UnsafeMutablePointer<UInt8>, stride: Int
  ) {
    let columns = passOfFour(
      row(0, coefficients, quantization), row(1, coefficients, quantization),
      row(2, coefficients, quantization), row(3, coefficients, quantization),
      bias: 1 << (firstShift - 1), shift: firstShift)
    let rows = Lanes.transpose(columns)
    let result = passOfFour(rows.v0, rows.v1, rows.v2, rows.v3, bias: secondBias, shift: secondShift)
    Lanes.storeTransposed(result, to: UnsafeMutableRawPointer(target), stride: stride)
  }

  /// Rounding of the second pass, and the level shift by 128.
  private static let secondBias: Int32 = (1 << (secondShift - 1)) + (128 << secondShift)

  @inline(__always) private static func row(
    _ index: Int, _ coefficients: UnsafePointer<Int16>, _ quantization: UnsafePointer<Int16>
  ) -> Words {
    let offset = 16 &* index
    return UnsafeRawPointer(coefficients).loadUnaligned(fromByteOffset: offset, as: Words.self)
      &* UnsafeRawPointer(quantization).loadUnaligned(fromByteOffset: offset, as: Words.self)
  }

  /// Constants for a pair of inputs: products of the first and the second, summed.
  @inline(__always) private static func pair(_ first: Int16, _ second: Int16) -> Words {
    Words(first, second, first, second, first, second, first, second)
  }

  /// A sum of two products for eight lanes, in 32 bits.
  private struct Wide {
    var low: Longs
    var high: Longs

    @inline(__always) init(low: Longs, high: Longs) {
      self.low = low
      self.high = high
    }

    @inline(__always) init(_ a: Words, _ b: Words, _ constants: Words) {
      low = Lanes.multiplyAddPairs(Lanes.interleaveLow(a, b), constants)
      high = Lanes.multiplyAddPairs(Lanes.interleaveHigh(a, b), constants)
    }

    /// `a` times 2 to the 13.
    @inline(__always) init(scaled a: Words) {
      low = Longs(Int32(a[0]), Int32(a[1]), Int32(a[2]), Int32(a[3])) &<< 13
      high = Longs(Int32(a[4]), Int32(a[5]), Int32(a[6]), Int32(a[7])) &<< 13
    }

    @inline(__always) static func + (a: Wide, b: Wide) -> Wide {
      Wide(low: a.low &+ b.low, high: a.high &+ b.high)
    }

    @inline(__always) static func - (a: Wide, b: Wide) -> Wide {
      Wide(low: a.low &- b.low, high: a.high &- b.high)
    }

    @inline(__always) func descaled(_ shift: Int32) -> Words {
      Lanes.narrow(low &>> shift, high &>> shift)
    }
  }

  /// One pass over eight columns at a time.
  @inline(__always) private static func pass(_ r: Block8, bias: Int32, shift: Int32) -> Block8 {
    let rounding = Longs(repeating: bias)
    let sum = Wide(scaled: r.v0 &+ r.v4)
    let difference = Wide(scaled: r.v0 &- r.v4)
    let even0 = Wide(low: sum.low &+ rounding, high: sum.high &+ rounding)
    let even1 = Wide(low: difference.low &+ rounding, high: difference.high &+ rounding)
    let even3 = Wide(r.v2, r.v6, pair(10703, 4433))
    let even2 = Wide(r.v2, r.v6, pair(4433, -10704))
    let z3 = r.v7 &+ r.v3
    let z4 = r.v5 &+ r.v1
    let z3p = Wide(z3, z4, pair(-6436, 9633))
    let z4p = Wide(z3, z4, pair(9633, 6437))
    let odd0 = Wide(r.v7, r.v1, pair(-4927, -7373)) + z3p
    let odd3 = Wide(r.v7, r.v1, pair(-7373, 4926)) + z4p
    let odd1 = Wide(r.v5, r.v3, pair(-4176, -20995)) + z4p
    let odd2 = Wide(r.v5, r.v3, pair(-20995, 4177)) + z3p
    return combine(
      even0 + even3, even1 + even2, even1 - even2, even0 - even3, odd3, odd2, odd1, odd0, shift)
  }

  /// `pass` where rows 4...7 are 0.
  @inline(__always) private static func passOfFour(
    _ r0: Words, _ r1: Words, _ r2: Words, _ r3: Words, bias: Int32, shift: Int32
  ) -> Block8 {
    let scaled = Wide(scaled: r0)
    let rounding = Longs(repeating: bias)
    let even = Wide(low: scaled.low &+ rounding, high: scaled.high &+ rounding)
    // The second constant is for an input that is 0: one multiplication instead of two halves.
    let even3 = Wide(r2, .zero, pair(10703, 0))
    let even2 = Wide(r2, .zero, pair(4433, 0))
    let odd0 = Wide(r3, r1, pair(-6436, 9633 - 7373))
    let odd3 = Wide(r3, r1, pair(9633, 6437 + 4926))
    let odd1 = Wide(r3, r1, pair(9633 - 20995, 6437))
    let odd2 = Wide(r3, r1, pair(4177 - 6436, 9633))
    return combine(
      even + even3, even + even2, even - even2, even - even3, odd3, odd2, odd1, odd0, shift)
  }

  @inline(__always) private static func combine(
    _ e0: Wide, _ e1: Wide, _ e2: Wide, _ e3: Wide, _ o0: Wide, _ o1: Wide, _ o2: Wide, _ o3: Wide,
    _ shift: Int32
  ) -> Block8 {
    Block8(
      v0: (e0 + o0).descaled(shift), v1: (e1 + o1).descaled(shift), v2: (e2 + o2).descaled(shift),
      v3: (e3 + o3).descaled(shift), v4: (e3 - o3).descaled(shift), v5: (e2 - o2).descaled(shift),
      v6: (e1 - o1).descaled(shift), v7: (e0 - o0).descaled(shift))
  }
}
