import FixresAssembler

/// A loop of the reduction: its trip count, and how far the source moves each time, in bytes.
package struct ReductionLoop: Hashable, Sendable {
  package var count: Int
  package var sourceStep: Int

  package init(count: Int, sourceStep: Int) {
    (self.count, self.sourceStep) = (count, sourceStep)
  }
}

/// Tiles of one width that follow each other in a strip.
package struct StripSegment: Hashable, Sendable {
  package var columns: Int
  package var count: Int

  package init(columns: Int, count: Int) {
    (self.columns, self.count) = (columns, count)
  }
}

/// Distances between the pixels of a tile in memory, in bytes.
package struct PixelSteps: Hashable, Sendable {
  package var column: Int
  package var row: Int
  /// From a channel block to the next; unused for a source.
  package var block: Int

  package init(column: Int, row: Int, block: Int = 0) {
    (self.column, self.row, self.block) = (column, row, block)
  }
}

/// One emitted function: a strip (a run of register tiles side by side) of `blocks` output channel blocks.
///
/// The tile is that of a matrix product: mr = `rows * columns` pixels by nr = `blocks` vectors of output channels, with
/// all mr * nr accumulators in registers. A weight row is what one input channel of one tap multiplies by.
///
///     for tile in strip:                               moves by `columns` pixels
///       sum[mr][nr] = 0, bias or output                start
///       for pass in loops:                             channel blocks, the outermost cut into parts
///         for ky in taps.height:                       only rows on the source map
///           for kx in taps.width:                      only columns on the source map
///             for k in 0..<bodyRows:                   channels of a block, unrolled
///               w[nr] = the next weight row
///               for p in 0..<mr:
///                 x = broadcast(source[p][k])
///                 for n in 0..<nr:  sum[p][n] += x * w[n]
///       output = relu(sum + residual)                  epilogue
///
/// Vector registers of a tile with mr = 3, nr = 2 among 32:
///
///                  w0   w1
///                +----+----+
///     x   pixel 0| v0 | v1 |       v6, v7   w0 and w1; weights beyond the registers are operands in memory
///         pixel 1| v2 | v3 |       v31      x
///         pixel 2| v4 | v5 |
///                +----+----+
///
/// A convolution of any kernel, stride or padding, a Winograd product and a classifier differ only in these numbers.
package struct StripKernel: Hashable, Sendable {
  package enum Start: Hashable, Sendable {
    case zero
    case bias
    /// The output's own values: a reduction in several passes.
    case output
  }

  package var isa: VectorISA
  /// Weight rows unrolled in the loop body; each reads the next values of a source pixel.
  package var bodyRows: Int
  /// Bytes of a source pixel that a weight row reads: what one 32-bit lane is multiplied by.
  package var sourceRowByteCount: Int
  /// Inside all loops.
  package var taps: TapWindow
  /// From the innermost to the outermost.
  package var loops: [ReductionLoop]
  package var rows: Int
  package var segments: [StripSegment]
  package var blocks: Int
  /// Blocks of a packed weight row; more than `blocks` where the last group is a narrow one.
  package var weightBlocks: Int
  package var source: PixelSteps
  package var output: PixelSteps
  package var residual: PixelSteps?
  package var start: Start
  package var hasReLU: Bool
  /// Maximum length of a partial sum in weight rows: a longer reduction is accumulated in parts whose sums are added in
  /// the stack frame (blocked summation, Higham 1993), for an addition and a store an accumulator and part.
  package var partRows: Int
  /// Cache lines of the next group's weights that each pass of the body prefetches.
  package var prefetchLines: Int

  package init(
    isa: VectorISA, bodyRows: Int, taps: TapWindow = .one, loops: [ReductionLoop], rows: Int = 1,
    segments: [StripSegment], blocks: Int,
    source: PixelSteps, output: PixelSteps, residual: PixelSteps? = nil, start: Start = .bias,
    hasReLU: Bool = false, prefetchLines: Int = 0, weightBlocks: Int? = nil,
    partRows: Int = PartRows.long, sourceRowByteCount: Int = ElementFormat.f32.groupByteCount
  ) {
    (self.isa, self.bodyRows, self.taps, self.loops) = (isa, bodyRows, taps, loops)
    (self.rows, self.segments, self.blocks) = (rows, segments, blocks)
    (self.source, self.output, self.residual) = (source, output, residual)
    (self.start, self.hasReLU, self.prefetchLines) = (start, hasReLU, prefetchLines)
    self.weightBlocks = weightBlocks ?? blocks
    (self.partRows, self.sourceRowByteCount) = (partRows, sourceRowByteCount)
  }

  /// Where partial sums end.
  enum Parts {
    /// The sum is a single part.
    case whole
    /// At the end of each pass of the outermost loop.
    case loop
    /// At the end of each kernel row.
    case kernelRow
  }

  private var tapRows: Int { bodyRows * taps.height * taps.width }

  /// Where partial sums end, and the loops with the outermost one cut to fit them.
  var splitLoops: (loops: [ReductionLoop], parts: Parts) {
    guard weightRows > partRows else { return (loops, .whole) }
    if tapRows > partRows, taps.height > 1, bodyRows * taps.width >= PartRows.short,
      abs(tapRows - partRows) > abs(bodyRows * taps.width - partRows)
    {
      return (loops, .kernelRow)
    }
    guard let outermost = loops.last else { return (loops, .whole) }
    let rows = weightRows / outermost.count
    let passes = (1...outermost.count).last {
      outermost.count % $0 == 0 && ($0 == 1 || $0 * rows <= partRows)
    }
    guard let passes, passes < outermost.count, passes * rows >= PartRows.short else {
      return (loops, .whole)
    }
    let part = ReductionLoop(count: passes, sourceStep: outermost.sourceStep)
    let parts = ReductionLoop(count: outermost.count / passes, sourceStep: passes * outermost.sourceStep)
    return (loops.dropLast() + (passes > 1 ? [part] : []) + [parts], .loop)
  }

  /// Weight rows of one tile: its reduction length.
  package var weightRows: Int { loops.reduce(bodyRows * taps.height * taps.width) { $0 * $1.count } }
  /// Bytes of one group's packed weights.
  package var weightByteCount: Int { weightRows * weightBlocks * isa.byteCount }
  /// Pixels of the strip.
  package var columns: Int { segments.reduce(0) { $0 + $1.columns * $1.count } }
  /// Tiles of the strip.
  package var tiles: Int { segments.reduce(0) { $0 + $1.count } }

  /// Pixels that a tile can have beside `blocks` channel blocks.
  ///
  /// Registers hold the accumulators, one broadcast, and two weights at least; weights without a register are
  /// operands in memory, which costs a load for each pixel but stays under the two loads a cycle that cores offer.
  package static func largestTile(_ isa: VectorISA, blocks: Int) -> Int {
    (isa.registerCount - 1 - min(blocks, isa.level == .avx512 ? 3 : 2)) / blocks
  }
}

/// What a strip kernel reads from its only argument, in this order.
package struct StripArguments: BitwiseCopyable {
  package var source: UnsafeRawPointer
  package var output: UnsafeMutableRawPointer
  package var weights: UnsafeRawPointer
  package var bias: UnsafeRawPointer
  package var residual: UnsafeRawPointer
  package var prefetch: UnsafeRawPointer

  package init(
    source: UnsafeRawPointer, output: UnsafeMutableRawPointer, weights: UnsafeRawPointer,
    bias: UnsafeRawPointer, residual: UnsafeRawPointer, prefetch: UnsafeRawPointer
  ) {
    (self.source, self.output, self.weights) = (source, output, weights)
    (self.bias, self.residual, self.prefetch) = (bias, residual, prefetch)
  }
}

/// The C function type of emitted kernels with a pointer to their arguments.
package typealias KernelFunction = @convention(c) (UnsafeRawPointer) -> Void
