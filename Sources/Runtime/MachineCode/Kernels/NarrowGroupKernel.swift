import FixresAssembler

/// One emitted function: a row of output of one channel block whose groups are narrower than the block.
///
/// A lane needs the inputs of its own group only, so a source pixel is loaded once with its channels permuted (lane
/// `l` gets input `i` of its group) and multiplied by one vector of weights per tap. Every permuted pixel serves all
/// outputs of the tile that it touches. Weights: `[ky][i][kx][lanes]`.
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

  /// Index vectors that a permutation across 128-bit lanes needs; narrower groups take an immediate.
  static func indexCount(channelsPerGroup: Int) -> Int { channelsPerGroup > 4 ? channelsPerGroup : 0 }

  /// Pixels that a tile can have beside its weights, one permuted pixel in flight, and the index vectors.
  package static func largestTile(_ isa: VectorISA, channelsPerGroup: Int, kernelWidth: Int) -> Int {
    // More than 14 pixels gain nothing: a permutation already serves nearly `kernelWidth` products.
    min(14, isa.registerCount - kernelWidth - 2 - indexCount(channelsPerGroup: channelsPerGroup))
  }

  package static func applies(to d: ConvolutionDescriptor, _ isa: VectorISA) -> Bool {
    let perGroup = d.input.channels / d.groups
    return d.groups > 1 && d.input.channels == d.output.channels && d.input.block == isa.lanes
      && perGroup < isa.lanes && perGroup & (perGroup - 1) == 0 && d.kernelWidth <= 5
      && d.strideWidth <= d.kernelWidth
  }
}
