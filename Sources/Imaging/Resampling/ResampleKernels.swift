/// Inner loops of resizing: a convolution of one axis with a window of taps for each output sample.
///
/// ```
/// out[x] = clip((sum over i of in[start[x] + i] * w[x][i] + 2^21) >> 22)
/// ```
/// Weights have 22 fraction bits and do not fit the 16-bit lanes of a multiply-add of adjacent pairs, so each is split
/// into w = high * 2^12 + low, and two sums are kept:
/// ```
/// pixels   R0 G0 B0 x0 R1 G1 B1 x1     two taps, 4 channels
/// taps     R0 R1 G0 G1 B0 B1 x0 x1     interleaved, 16 bits
/// weights  w0 w1 w0 w1 w0 w1 w0 w1     low, then high parts
/// sums     += R0 w0 + R1 w1, ...       32 bits, exact modulo 2^32 like Pillow's
/// ```
/// Windows of an odd number of taps have a last weight of 0.
enum ResampleKernels {
  /// Half of the last place that remains after the final shift.
  private static let rounding = Int32(1 << (ResampleTable.precisionBits - 1))

  /// One output row `[table.outputCount, 4]` of the horizontal pass.
  static func row(
    from source: UnsafeRawPointer, to target: UnsafeMutableRawPointer, _ table: ResampleTable,
    low: UnsafeRawPointer, high: UnsafeRawPointer
  ) {
    let bytesPerWindow = 2 &* table.tapsPerOutput
    table.starts.withUnsafeBufferPointer { starts in
      table.pairCounts.withUnsafeBufferPointer { pairCounts in
        for x in 0..<table.outputCount {
          var pixel = source + 4 &* starts[x]
          var lowWeights = low + x &* bytesPerWindow
          var highWeights = high + x &* bytesPerWindow
          var lowSum = Longs.zero
          var highSum = Longs.zero
          var pairs = pairCounts[x]
          while pairs > 0 {
            let both = Shuffles.widen(pixel.loadUnaligned(as: SIMD8<UInt8>.self))
            let taps = Words(both[0], both[4], both[1], both[5], both[2], both[6], both[3], both[7])
            lowSum &+= Shuffles.multiplyAddPairs(taps, weightPair(lowWeights))
            highSum &+= Shuffles.multiplyAddPairs(taps, weightPair(highWeights))
            pixel += 8
            lowWeights += 4
            highWeights += 4
            pairs &-= 1
          }
          let value = finish(lowSum, highSum)
          let bytes = unsafeBitCast(
            Shuffles.clampToBytes(Shuffles.narrow(value, value)), to: SIMD2<UInt32>.self)
          target.storeBytes(of: bytes[0], toByteOffset: 4 &* x, as: UInt32.self)
        }
      }
    }
  }

  /// The input rows and weights of one output row of the vertical pass.
  struct RowWindow {
    let first: UnsafeRawPointer
    /// The last row of the picture; the second row of a pair after it has weight 0.
    let last: UnsafeRawPointer
    let stride: Int
    let pairCount: Int
    let low: UnsafeRawPointer
    let high: UnsafeRawPointer
  }

  /// One output row of the vertical pass.
  static func column(_ window: RowWindow, to target: UnsafeMutableRawPointer, byteCount: Int) {
    var offset = 0
    while offset < byteCount {
      var lowA = Longs.zero
      var lowB = Longs.zero
      var highA = Longs.zero
      var highB = Longs.zero
      var row = window.first
      var pair = 0
      while pair < window.pairCount {
        let next = row + window.stride
        let a = Shuffles.widen((row + offset).loadUnaligned(as: SIMD8<UInt8>.self))
        let b = Shuffles.widen((min(next, window.last) + offset).loadUnaligned(as: SIMD8<UInt8>.self))
        let low = weightPair(window.low + 4 &* pair)
        let high = weightPair(window.high + 4 &* pair)
        let left = Shuffles.interleaveLow(a, b)
        let right = Shuffles.interleaveHigh(a, b)
        lowA &+= Shuffles.multiplyAddPairs(left, low)
        lowB &+= Shuffles.multiplyAddPairs(right, low)
        highA &+= Shuffles.multiplyAddPairs(left, high)
        highB &+= Shuffles.multiplyAddPairs(right, high)
        row = next + window.stride
        pair &+= 1
      }
      let bytes = Shuffles.clampToBytes(Shuffles.narrow(finish(lowA, highA), finish(lowB, highB)))
      target.storeBytes(of: bytes, toByteOffset: offset, as: SIMD8<UInt8>.self)
      offset &+= 8
    }
  }

  /// The weights of two taps, repeated for four channels.
  @inline(__always) private static func weightPair(_ address: UnsafeRawPointer) -> Words {
    unsafeBitCast(Longs(repeating: address.loadUnaligned(as: Int32.self)), to: Words.self)
  }

  @inline(__always) private static func finish(_ low: Longs, _ high: Longs) -> Longs {
    (low &+ (high &<< Int32(ResampleTable.lowBits)) &+ Longs(repeating: rounding))
      &>> Int32(ResampleTable.precisionBits)
  }
}
