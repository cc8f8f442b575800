/// Inner loops of resizing: two taps a step, weights in two parts of 16 bits, exact 32-bit sums.
enum ResampleKernels {
  /// Half of the unit in the last place that the final shift drops.
  private static let rounding = Int32(1 << (ResampleTable.precisionBits - 1))

  /// One output row of the horizontal pass, `[table.outputCount, 4]`.
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
            let both = Lanes.widen(pixel.loadUnaligned(as: SIMD8<UInt8>.self))
            let taps = Words(both[0], both[4], both[1], both[5], both[2], both[6], both[3], both[7])
            lowSum &+= Lanes.multiplyAddPairs(taps, weightPair(lowWeights))
            highSum &+= Lanes.multiplyAddPairs(taps, weightPair(highWeights))
            pixel += 8
            lowWeights += 4
            highWeights += 4
            pairs &-= 1
          }
          let value = finish(lowSum, highSum)
          let bytes = unsafeBitCast(Lanes.clampToBytes(Lanes.narrow(value, value)), to: SIMD2<UInt32>.self)
          target.storeBytes(of: bytes[0], toByteOffset: 4 &* x, as: UInt32.self)
        }
      }
    }
  }

  /// The input rows of one output row of the vertical pass.
  struct RowWindow {
    let first: UnsafeRawPointer
    /// The last row that exists; a pair that ends behind it has weight 0 there.
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
        let a = Lanes.widen((row + offset).loadUnaligned(as: SIMD8<UInt8>.self))
        let b = Lanes.widen((min(next, window.last) + offset).loadUnaligned(as: SIMD8<UInt8>.self))
        let low = weightPair(window.low + 4 &* pair)
        let high = weightPair(window.high + 4 &* pair)
        let left = Lanes.interleaveLow(a, b)
        let right = Lanes.interleaveHigh(a, b)
        lowA &+= Lanes.multiplyAddPairs(left, low)
        lowB &+= Lanes.multiplyAddPairs(right, low)
        highA &+= Lanes.multiplyAddPairs(left, high)
        highB &+= Lanes.multiplyAddPairs(right, high)
        row = next + window.stride
        pair &+= 1
      }
      let bytes = Lanes.clampToBytes(Lanes.narrow(finish(lowA, highA), finish(lowB, highB)))
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
