import FixresAssembler

/// How a direct convolution is cut: tiles, strips, bands of rows, groups of channel blocks, loop order.
package struct ConvolutionTiling: Hashable, Sendable {
  /// Output channel blocks of a tile (nr).
  package var blocks: Int
  /// Output rows of a tile; more than one only where a row is shorter than a tile.
  package var rows: Int
  package var segments: [StripSegment]
  /// All groups inside a band of rows, or all bands inside a group.
  package var groupsOutside: Bool
  /// Parts of the map's rows that threads share out, all groups inside each and its bands inside a group; 0 for none.
  package var rowChunks: Int

  package init(
    blocks: Int, rows: Int, segments: [StripSegment], groupsOutside: Bool, rowChunks: Int = 0
  ) {
    (self.blocks, self.rows, self.segments) = (blocks, rows, segments)
    (self.groupsOutside, self.rowChunks) = (groupsOutside, rowChunks)
  }

  /// `width` in the fewest tiles of at most `largest` columns, as equal as can be.
  package static func segments(width: Int, largest: Int) -> [StripSegment] {
    let count = (width + largest - 1) / largest
    let narrow = width / count
    let wideCount = width % count
    return [
      StripSegment(columns: narrow + 1, count: wideCount),
      StripSegment(columns: narrow, count: count - wideCount),
    ].filter { $0.count > 0 }
  }
}

extension ConvolutionTiling {
  /// The segments of a group of `blocks`: a last group of fewer blocks than the others has room for wider tiles, and
  /// one of a single block needs them to cover the latency.
  func segments(_ isa: VectorISA, blocks: Int, width: Int) -> [StripSegment] {
    guard blocks < self.blocks, rows == 1 else { return segments }
    return Self.segments(width: width, largest: StripKernel.largestTile(isa, blocks: blocks))
  }

  /// Figures of the cost model, in cycles and bytes.
  enum Cost {
    /// 512- or 256-bit multiply-adds that a core starts each cycle.
    static let multiplyAddsPerCycle = 2.0
    /// Vector loads each cycle.
    static let loadsPerCycle = 2.0
    /// Accumulators needed to cover a latency of 4 at two multiply-adds a cycle.
    static let latencyCycles = 4.0
    /// What is lost all the same where the latency takes up more than this share of the accumulators: on AVX2 5x2 tiles
    /// reach 86 to 89 % of the peak, 4x3 tiles of the same layers 90. On AVX-512 nothing of the kind is seen.
    static let coveredLatencyShare = 2.0 / 3
    static let latencyPenalty = 0.3
    /// Entry, exit and the pipeline's refill for each tile.
    static let tileOverhead = 30.0
    /// Cycles for each accumulator's bias, residual, activation and store.
    static let epiloguePerVector = 1.5
    /// Bytes a cycle at which a group's weights stream without slowing multiply-adds: from L2 while they share it
    /// with the maps (a 7x4 tile asks for 18, 6x4 for 21), and from beyond (14x2, which asks for 9, then gains 5 % on 7x7 maps).
    static let nearWeightBytesPerCycle = 22.0
    static let farWeightBytesPerCycle = 16.0
    /// A group's weights are near up to this share of L2.
    static let nearShareOfL2 = 0.4
    /// Weights up to this share of L2 stay there while all groups of a band of rows are computed; threads then split
    /// rows, as the layers around them do, and rarely read what another core has written.
    static let pixelsOutsideShareOfL2 = 0.75
    /// Weights up to this many L2s are read once for each of a few chunks of rows rather than once in all, so that
    /// threads still split rows: on two threads 0.36 ms became 0.22 for 1024->256@14, whose input each thread had to
    /// fetch half of from the other core.
    static let rowChunksPerL2 = 2.5
    static let rowChunks = 4
  }

  /// Estimated cycles of one tile.
  static func tileCycles(
    _ isa: VectorISA, pixels: Int, blocks: Int, weightRows: Int,
    weightBytesPerCycle: Double = Cost.nearWeightBytesPerCycle
  ) -> Double {
    let vectors = Double(pixels * blocks)
    let free = isa.registerCount - pixels * blocks
    let memoryWeights = max(0, blocks - (free - 1))
    let loads = Double(pixels + (blocks - memoryWeights) + memoryWeights * pixels)
    let row = max(
      vectors / Cost.multiplyAddsPerCycle, loads / Cost.loadsPerCycle, Cost.latencyCycles,
      Double(blocks * isa.byteCount) / weightBytesPerCycle)
    return row * Double(weightRows) + Cost.tileOverhead + Cost.epiloguePerVector * vectors
  }

  /// The factor by which a direct tile with so many accumulators is slower for waiting on its own sums.
  private static func latencyPenalty(_ isa: VectorISA, accumulators: Int) -> Double {
    guard isa.registerCount < 32 else { return 1 }
    let share = Cost.latencyCycles * Cost.multiplyAddsPerCycle / Double(accumulators)
    return 1 + Cost.latencyPenalty * max(0, min(share, 1) - Cost.coveredLatencyShare)
  }

  /// `tiling` with the loop order that its weights allow.
  private static func ordered(
    _ tiling: ConvolutionTiling, _ output: TensorLayout, weightByteCount: Int, l2ByteCount: Int
  ) -> ConvolutionTiling {
    var tiling = tiling
    let share = Double(weightByteCount) / Double(max(l2ByteCount, 1))
    tiling.groupsOutside = share > Cost.pixelsOutsideShareOfL2
    let bands = (output.height + tiling.rows - 1) / tiling.rows
    if tiling.groupsOutside, share <= Cost.rowChunksPerL2, bands >= 2 * Cost.rowChunks {
      (tiling.groupsOutside, tiling.rowChunks) = (false, Cost.rowChunks)
    }
    return tiling
  }

  /// Estimated cycles of all tiles of one image, of which `ConvolutionDescriptor.shareOnMap` are not left out as
  /// padding; `window` is that of `tiling.blocks`.
  static func cycles(
    _ descriptor: ConvolutionDescriptor, _ isa: VectorISA, _ tiling: ConvolutionTiling,
    window: ConvolutionWindow, l2ByteCount: Int
  ) -> Double {
    let (output, rows) = (descriptor.output, tiling.rows)
    let groupByteCount = Double(window.byteCount(blocks: tiling.blocks))
    let isNear = groupByteCount <= Cost.nearShareOfL2 * Double(l2ByteCount)
    let bytesPerCycle = isNear ? Cost.nearWeightBytesPerCycle : Cost.farWeightBytesPerCycle
    func groupCycles(_ blocks: Int) -> Double {
      var cycles = 0.0
      for (bandRows, bands) in [(rows, output.height / rows), (output.height % rows, 1)] where bandRows > 0 {
        for segment in tiling.segments(isa, blocks: blocks, width: output.width) {
          let pixels = bandRows * segment.columns
          cycles +=
            Double(bands * segment.count) * latencyPenalty(isa, accumulators: pixels * blocks)
            * tileCycles(
              isa, pixels: pixels, blocks: blocks, weightRows: window.vectorRows,
              weightBytesPerCycle: bytesPerCycle)
        }
      }
      return cycles
    }
    let remainder = output.blockCount % tiling.blocks
    return Double(output.blockCount / tiling.blocks) * groupCycles(tiling.blocks)
      + (remainder == 0 ? 0 : groupCycles(remainder))
  }

  /// The tiling with the least estimated time for `descriptor`; products with padding, which are left out, are the
  /// same number in every tiling.
  package static func choose(
    _ descriptor: ConvolutionDescriptor, _ isa: VectorISA, l2ByteCount: Int
  ) -> (tiling: ConvolutionTiling, cycles: Double) {
    let output = descriptor.output
    var best: (cycles: Double, tiling: ConvolutionTiling)?
    // Among equals the most blocks win: a source pixel then serves more products (14x2 loses 5 % on large maps).
    for blocks in [4, 3, 2, 1] where blocks <= output.blockCount {
      let window = ConvolutionWindow(descriptor, isa, blocks: blocks)
      let largest = StripKernel.largestTile(isa, blocks: blocks)
      for columns in 1...min(largest, output.width) {
        let segments = segments(width: output.width, largest: columns)
        let widest = segments[0].columns
        let mostRows = segments.count == 1 && segments[0].count == 1 ? largest / widest : 1
        for rows in 1...max(1, min(mostRows, output.height)) {
          let tiling = ConvolutionTiling(blocks: blocks, rows: rows, segments: segments, groupsOutside: true)
          let cycles = cycles(descriptor, isa, tiling, window: window, l2ByteCount: l2ByteCount)
          guard cycles < best?.cycles ?? .infinity else { continue }
          let weightByteCount = window.byteCount(blocks: output.blockCount)
          best = (cycles, ordered(tiling, output, weightByteCount: weightByteCount, l2ByteCount: l2ByteCount))
        }
      }
    }
    guard let best else { preconditionFailure("every layer has a tile of one pixel and one block") }
    return (best.tiling, best.cycles * descriptor.shareOnMap)
  }
}
