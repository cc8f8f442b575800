import FixresAssembler

/// One emitted function: a row of output of one channel block whose groups are narrower than the block.
///
/// A lane needs the inputs of its own group only, so a source pixel is loaded with its channels permuted and multiplied
/// by one vector of weights a tap. Every permuted pixel serves all outputs of the tile (mr = `columns` of a segment,
/// nr = 1) that it touches.
///
///     for tile in segments:
///       sum[mr] = bias
///       for ky in kernelRows:
///         for i in 0..<channelsPerGroup:
///           w[kx] = weights[ky][i][kx]                      one vector a kernel column
///           for x in source columns of the tile:
///             v = source[ky][x], lane l holding channel i of l's group
///             for (kx, column) with column * stride + kx == x:  sum[column] += v * w[kx]
///       output = relu(sum + residual)                       epilogue
///
/// Groups of 4 channels, i = 1:
///
///     pixel   a0 a1 a2 a3 | b0 b1 b2 b3 | ...
///     v       a1 a1 a1 a1 | b1 b1 b1 b1 | ...
package struct NarrowGroupKernel: Hashable, Sendable {
  package var isa: VectorISA
  /// Channels of a group, in and out: a power of two below the lanes of the block.
  package var channelsPerGroup: Int
  /// Kernel rows that meet the source map; the others would multiply padding.
  package var kernelRows: Range<Int>
  package var kernelWidth: Int
  package var stride: Int
  package var segments: [StripSegment]
  /// Bytes between rows of the source.
  package var sourceRow: Int
  package var hasResidual: Bool
  package var hasReLU: Bool

  package init(
    isa: VectorISA, channelsPerGroup: Int, kernelRows: Range<Int>, kernelWidth: Int, stride: Int,
    segments: [StripSegment], sourceRow: Int, hasResidual: Bool, hasReLU: Bool
  ) {
    (self.isa, self.channelsPerGroup) = (isa, channelsPerGroup)
    (self.kernelRows, self.kernelWidth, self.stride) = (kernelRows, kernelWidth, stride)
    (self.segments, self.sourceRow) = (segments, sourceRow)
    (self.hasResidual, self.hasReLU) = (hasResidual, hasReLU)
  }

  /// Instructions of the longest: 14 pixels, 5 taps and 8 inputs of a group in both segments.
  static let mostInstructions = 4096

  /// Index vectors that a permutation across 128-bit lanes needs; narrower groups take an immediate.
  static func indexCount(channelsPerGroup: Int) -> Int {
    channelsPerGroup > VectorISA.quarterLanes ? channelsPerGroup : 0
  }

  /// Pixels that a tile can have beside its weights, one permuted pixel in flight, and the index vectors.
  package static func largestTile(_ isa: VectorISA, channelsPerGroup: Int, kernelWidth: Int) -> Int {
    // More than 14 pixels gain nothing: a permutation then already serves nearly `kernelWidth` products.
    min(14, isa.registerCount - kernelWidth - 2 - indexCount(channelsPerGroup: channelsPerGroup))
  }

  /// Groups as wide in as out, of a power of two channels below the lanes of a block.
  package static func applies(to d: ConvolutionDescriptor, _ isa: VectorISA) -> Bool {
    let perGroup = d.input.channels / d.groups
    return d.groups > 1 && !d.isDilated && d.input.channels == d.output.channels && d.input.block == isa.lanes
      && perGroup < isa.lanes && perGroup & (perGroup - 1) == 0 && d.kernelWidth <= 5
      && d.strideWidth <= d.kernelWidth
  }
}
