import FixresAssembler

/// The input blocks that each group of output blocks reads: all of them, or a window where channels are grouped.
package struct ConvolutionWindow: Hashable, Sendable {
  /// First input block of each group.
  package var firstBlocks: [Int]
  /// Input blocks of every group.
  package var blockCount: Int
  /// Weight rows of a tile, each a weight of every output channel; those of a kernel row fill whole groups of the
  /// format.
  package var weightRows: Int
  /// Rows of vectors that they make: the weights of a group share a lane.
  package var vectorRows: Int
  /// Bytes of one channel block of a weight row.
  private var rowByteCount: Int
  /// Bytes of a group's packed weights.
  package var groupByteCount: Int

  /// Bytes of the packed weights of `blocks` output blocks.
  package func byteCount(blocks: Int) -> Int { weightRows * blocks * rowByteCount }

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
    let format = descriptor.weightFormat
    weightRows = widest * format.wholeGroups(input.block * descriptor.kernelWidth) * descriptor.kernelHeight
    vectorRows = weightRows / format.group
    rowByteCount = format.byteCount(of: isa.lanes)
    groupByteCount = weightRows * blocks * rowByteCount
  }
}
