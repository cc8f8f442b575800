import FixresAssembler

/// The input blocks that each group of output blocks reads: all of them, or a window where channels are grouped.
package struct ConvolutionWindow: Hashable, Sendable {
  /// First input block of each group.
  package var firstBlocks: [Int]
  /// Input blocks of every group.
  package var blockCount: Int
  /// Weight rows of a tile.
  package var weightRows: Int

  package init(_ descriptor: ConvolutionDescriptor, _ isa: VectorISA, blocks: Int) {
    let (input, output) = (descriptor.input, descriptor.output)
    let inputsPerGroup = input.channels / descriptor.groups
    let outputsPerGroup = output.channels / descriptor.groups
    let step = blocks * isa.lanes
    let ranges = stride(from: 0, to: output.blockCount * isa.lanes, by: step).map { first in
      let last = min(first + step, output.channels)
      let begin = first / outputsPerGroup * inputsPerGroup / input.block
      let end = ((last - 1) / outputsPerGroup + 1) * inputsPerGroup
      return begin..<(end + input.block - 1) / input.block
    }
    let widest = ranges.map(\.count).max() ?? 1
    blockCount = widest
    firstBlocks = ranges.map { min($0.lowerBound, input.blockCount - widest) }
    weightRows = widest * input.block * descriptor.kernelHeight * descriptor.kernelWidth
  }
}
