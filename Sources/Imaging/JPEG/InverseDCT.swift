/// The 8x8 inverse DCT (ITU-T T.81, A.3.3)
/// ```
/// s[y][x] = 1/4 sum over v, u of C(v) C(u) S[v][u] cos((2y + 1) v pi / 16) cos((2x + 1) u pi / 16)
/// ```
/// by the algorithm of Loeffler, Ligtenberg and Moschytz (ICASSP 1989) in the integer arithmetic of libjpeg's accurate
/// method (`islow`, `jidctint.c`), whose rounding it reproduces:
/// ```
/// S x table --pass over v--> >> 11 --transpose--> --pass over u--> >> 18 --+128, clip--> bytes
/// ```
/// Constants have 13 fraction bits and 2 extra bits are kept between the passes: 11 = 13 - 2, 18 = 13 + 2 + 3, where
/// 3 is the division by 8 of both passes. A vector holds a row; each lane is a column's 1-D transform:
/// ```
/// even part: 0, 4 -> sum, difference; 2, 6 -> rotation by 6 pi / 16       result k:     even k + odd k
/// odd part:  1, 3, 5, 7 -> products of pairs and of sums of pairs         result 7 - k: even k - odd k
/// ```
/// Each rotation is two multiply-adds of adjacent pairs. In units of 2^-13 their constants are libjpeg's with the
/// common factors multiplied out: 4433 = 0.5412, 10703 = 4433 + 6270, -10704 = 4433 - 15137; 9633 = 1.1759,
/// -6436 = 9633 - 16069, 6437 = 9633 - 3196; -4927 = 2446 - 7373, 4926 = 12299 - 7373, -4176 = 16819 - 20995,
/// 4177 = 25172 - 20995.
enum InverseDCT {
  private static let firstShift: Int32 = 11
  private static let secondShift: Int32 = 18

  /// Dequantises and transforms the coefficients `[8, 8]` and writes the samples, rows `stride` bytes apart.
  ///
  /// - Parameter last: a zigzag index after which all coefficients are 0, or 9 where all outside the upper left
  ///   quarter are.
  @inline(__always) static func transform(
    _ coefficients: UnsafePointer<Int16>, quantization: UnsafePointer<Int16>, last: Int,
    to target: UnsafeMutablePointer<UInt8>, stride: Int
  ) {
    if last == 0 {
      fill(coefficients[0] &* quantization[0], to: target, stride: stride)
    } else if exceedsFirstPass(row(0, coefficients, quantization)), isFirstRowOnly(coefficients) {
      transformFirstRow(row(0, coefficients, quantization), to: target, stride: stride)
    } else if last <= 9 {
      // Zigzag indices 0...9 lie in the upper left quarter.
      transformQuarter(coefficients, quantization, to: target, stride: stride)
    } else {
      transformWhole(coefficients, quantization, to: target, stride: stride)
    }
  }

  /// An upper bound of `last` for `transform`: 0, 9 or 63.
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
    // Little-endian: the DC coefficient is the lowest 16 bits.
    return rest[0] | first[0] &>> 16 == 0 ? 0 : 9
  }

  /// A block of which only the DC coefficient differs from 0.
  private static func fill(_ dc: Int16, to target: UnsafeMutablePointer<UInt8>, stride: Int) {
    let level = ((Int(dc &<< 2) + 16) >> 5) + 128
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
    let result = pass(Shuffles.transpose(columns), bias: secondBias, shift: secondShift)
    Shuffles.storeTransposed(result, to: UnsafeMutableRawPointer(target), stride: stride)
  }

  /// True where a value does not fit 16 bits with the 2 extra bits of the first pass.
  @inline(__always) private static func exceedsFirstPass(_ row: Words) -> Bool {
    let beyond = (row &+ 8192) & Words(repeating: Int16(bitPattern: 0xC000))
    let halves = unsafeBitCast(beyond, to: SIMD2<UInt64>.self)
    return halves[0] | halves[1] != 0
  }

  private static func isFirstRowOnly(_ coefficients: UnsafePointer<Int16>) -> Bool {
    (8..<64).allSatisfy { coefficients[$0] == 0 }
  }

  /// A block whose rows 1...7 are 0: libjpeg-turbo's vector code then leaves the first pass out, so that large values wrap
  /// where they would saturate.
  private static func transformFirstRow(
    _ row: Words, to target: UnsafeMutablePointer<UInt8>, stride: Int
  ) {
    let r = row &<< 2
    let columns = Block8(v0: r, v1: r, v2: r, v3: r, v4: r, v5: r, v6: r, v7: r)
    let result = pass(Shuffles.transpose(columns), bias: secondBias, shift: secondShift)
    Shuffles.storeTransposed(result, to: UnsafeMutableRawPointer(target), stride: stride)
  }

  private static func transformQuarter(
    _ coefficients: UnsafePointer<Int16>, _ quantization: UnsafePointer<Int16>,
    to target: UnsafeMutablePointer<UInt8>, stride: Int
  ) {
    let upper = (
      row(0, coefficients, quantization), row(1, coefficients, quantization),
      row(2, coefficients, quantization), row(3, coefficients, quantization)
    )
    let columns = passOfFour(upper, bias: 1 << (firstShift - 1), shift: firstShift)
    let rows = Shuffles.transpose(columns)
    let result = passOfFour((rows.v0, rows.v1, rows.v2, rows.v3), bias: secondBias, shift: secondShift)
    Shuffles.storeTransposed(result, to: UnsafeMutableRawPointer(target), stride: stride)
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

  /// Constants of a multiply-add of adjacent pairs: `first` for the first input, `second` for the second.
  @inline(__always) private static func pair(_ first: Int16, _ second: Int16) -> Words {
    Words(first, second, first, second, first, second, first, second)
  }

  /// Eight 32-bit lanes.
  private struct Wide {
    var low: Longs
    var high: Longs

    @inline(__always) init(low: Longs, high: Longs) {
      self.low = low
      self.high = high
    }

    /// `a k0 + b k1` in each lane, where `constants` alternates k0 and k1.
    @inline(__always) init(_ a: Words, _ b: Words, _ constants: Words) {
      low = Shuffles.multiplyAddPairs(Shuffles.interleaveLow(a, b), constants)
      high = Shuffles.multiplyAddPairs(Shuffles.interleaveHigh(a, b), constants)
    }

    /// `a 2^13`.
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
      Shuffles.narrow(low &>> shift, high &>> shift)
    }
  }

  /// A 1-D transform of each column; `bias` is added before the shift.
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
      even: (even0 + even3, even1 + even2, even1 - even2, even0 - even3), odd: (odd3, odd2, odd1, odd0),
      shift: shift)
  }

  /// `pass` where rows 4...7 are 0.
  @inline(__always) private static func passOfFour(
    _ r: (Words, Words, Words, Words), bias: Int32, shift: Int32
  ) -> Block8 {
    let (r0, r1, r2, r3) = r
    let scaled = Wide(scaled: r0)
    let rounding = Longs(repeating: bias)
    let even = Wide(low: scaled.low &+ rounding, high: scaled.high &+ rounding)
    // The second constant meets an input of 0: a multiply-add is one instruction, a widening multiplication two.
    let even3 = Wide(r2, .zero, pair(10703, 0))
    let even2 = Wide(r2, .zero, pair(4433, 0))
    let odd0 = Wide(r3, r1, pair(-6436, 9633 - 7373))
    let odd3 = Wide(r3, r1, pair(9633, 6437 + 4926))
    let odd1 = Wide(r3, r1, pair(9633 - 20995, 6437))
    let odd2 = Wide(r3, r1, pair(4177 - 6436, 9633))
    return combine(
      even: (even + even3, even + even2, even - even2, even - even3), odd: (odd3, odd2, odd1, odd0),
      shift: shift)
  }

  /// Results k and 7 - k from the even and the odd part, shifted right by `shift`.
  @inline(__always) private static func combine(
    even: (Wide, Wide, Wide, Wide), odd: (Wide, Wide, Wide, Wide), shift: Int32
  ) -> Block8 {
    let (e0, e1, e2, e3) = even
    let (o0, o1, o2, o3) = odd
    return Block8(
      v0: (e0 + o0).descaled(shift), v1: (e1 + o1).descaled(shift), v2: (e2 + o2).descaled(shift),
      v3: (e3 + o3).descaled(shift), v4: (e3 - o3).descaled(shift), v5: (e2 - o2).descaled(shift),
      v6: (e1 - o1).descaled(shift), v7: (e0 - o0).descaled(shift))
  }
}
