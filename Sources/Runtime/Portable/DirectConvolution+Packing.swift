import FixresBase

extension DirectConvolution {
  /// A step for `descriptor`: weights packed `[group][input block][kernel tap][channel][16]`, groups of 16 channels.
  ///
  /// A group whose channels belong to several convolution groups reads the union of their inputs, with zeros
  /// where a channel does not reach: exact, and dense enough down to ResNeXt's 4 channels a group.
  static func step(
    _ descriptor: ConvolutionDescriptor, _ parameters: LayerParameters, _ buffers: ConvolutionBuffers
  ) -> KernelStep {
    let (input, output) = (descriptor.input, descriptor.output)
    // One kernel step reads one float of each pixel, so no rounding of the run is needed.
    let joinsTaps = descriptor.dilationWidth == 1
    let run = (joinsTaps ? descriptor.kernelWidth : 1) * input.block
    let offsets = runOffsets(descriptor, columns: joinsTaps ? 1 : descriptor.kernelWidth)
    let runs = AlignedBlock(byteCount: offsets.count * MemoryLayout<Int>.stride)
    let runTable = runs.base.bindMemory(to: Int.self, capacity: offsets.count)
    runTable.initialize(from: offsets, count: offsets.count)
    let groupCount = (output.channels + 15) / 16
    let table = AlignedBlock(byteCount: groupCount * MemoryLayout<Group>.stride)
    let groups = table.base.bindMemory(to: Group.self, capacity: groupCount)
    var weightCount = 0
    for index in 0..<groupCount {
      groups[index] = group(index, descriptor, weightsOffset: weightCount)
      weightCount += groups[index].inputBlocks * offsets.count * run * 16
    }
    let packed = AlignedBlock(uninitializedCount: weightCount, of: .f32)
    let bias = AlignedBlock(count: groupCount * 16, of: .f32)
    for index in 0..<groupCount {
      pack(
        index, groups[index], descriptor, from: parameters.weights, to: packed.floats + groups[index].weights)
    }
    if let source = parameters.bias {
      bias.floats.update(from: source, count: output.channels)
    }
    let itemRows = rowsPerItem(descriptor)
    let itemsPerGroup = (output.height + itemRows - 1) / itemRows
    let residual = descriptor.residual ?? output
    let arguments = DirectConvolution(
      inputBuffer: buffers.input, outputBuffer: buffers.output, residualBuffer: buffers.residual ?? 0,
      input: Strides(input), output: Strides(output), residual: Strides(residual),
      hasResidual: buffers.residual != nil, hasReLU: descriptor.hasReLU, run: run,
      runCount: offsets.count, runs: runTable,
      // All in one chain, what these kernels round, twice in each product without a fused multiply-add, was half again
      // what the emitted ones do.
      blocksPerPart: max(1, PartRows.short / (run * offsets.count)),
      stepX: descriptor.strideWidth * input.block,
      stepY: descriptor.strideHeight * input.rowStride, groups: groups, groupCount: groupCount,
      itemRows: itemRows, itemsPerGroup: itemsPerGroup, weights: packed.floats, bias: bias.floats)
    return KernelStep(
      kernel: "direct-\(descriptor.kernelHeight)x\(descriptor.kernelWidth)-2x16", function: function,
      copying: arguments, footprint: .convolution(descriptor, buffers), items: groupCount * itemsPerGroup,
      resources: StepResources(blocks: [table, runs, packed, bias]))
  }

  /// Bytes of the packed weights, or somewhat more.
  static func packedByteCount(_ descriptor: ConvolutionDescriptor) -> Int {
    let (input, output) = (descriptor.input, descriptor.output)
    let outputsPerGroup = output.channels / descriptor.groups
    let groups = min(descriptor.groups, (16 + outputsPerGroup - 1) / outputsPerGroup + 1)
    let inputs = min(
      groups * (input.channels / descriptor.groups) + 2 * input.block, input.blockCount * input.block)
    return ((output.channels + 15) / 16 * 16).multipliedSaturated(inputs)
      .multipliedSaturated(descriptor.kernelHeight.multipliedSaturated(descriptor.kernelWidth))
      .multipliedSaturated(4)
  }

  /// Floats from the first tap to the first of each run of taps side by side, `columns` runs a kernel row.
  private static func runOffsets(_ descriptor: ConvolutionDescriptor, columns: Int) -> [Int] {
    (0..<descriptor.kernelHeight * columns).map { index in
      index / columns * descriptor.dilationHeight * descriptor.input.rowStride
        + index % columns * descriptor.dilationWidth * descriptor.input.block
    }
  }

  /// Output rows of one item: enough multiply-adds (about 20 microseconds) to outweigh taking it, few enough to share out.
  private static func rowsPerItem(_ descriptor: ConvolutionDescriptor) -> Int {
    let macsPerRow = max(1, descriptor.macs / max(1, descriptor.output.height))
    let groupCount = (descriptor.output.channels + 15) / 16
    let rows = 1_000_000 / max(1, macsPerRow / groupCount)
    return min(max(rows, 1), descriptor.output.height)
  }

  private static func group(
    _ index: Int, _ descriptor: ConvolutionDescriptor, weightsOffset: Int
  ) -> Group {
    let (input, output) = (descriptor.input, descriptor.output)
    let first = index * 16
    let last = min(first + 16, output.channels)
    let inputs = inputChannels(descriptor, first, last)
    let firstBlock = inputs.lowerBound / input.block
    let endBlock = (inputs.upperBound + input.block - 1) / input.block
    func offset(_ layout: TensorLayout, _ channel: Int) -> Int {
      channel / layout.block * layout.planeStride + channel % layout.block
    }
    let residual = descriptor.residual ?? output
    let hasUpperHalf = first + 8 < output.blockCount * output.block
    return Group(
      input: input.origin + descriptor.firstTapOffset + firstBlock * input.planeStride,
      inputBlocks: endBlock - firstBlock, weights: weightsOffset, bias: first,
      output0: offset(output, first), output1: offset(output, first + 8),
      residual0: offset(residual, first), residual1: offset(residual, first + 8),
      borderBegin: first / output.block,
      borderEnd: min((first + 16 + output.block - 1) / output.block, output.blockCount),
      hasUpperHalf: hasUpperHalf)
  }

  /// The input channels that output channels `first ..< last` read.
  private static func inputChannels(
    _ descriptor: ConvolutionDescriptor, _ first: Int, _ last: Int
  ) -> Range<Int> {
    let inputsPerGroup = descriptor.input.channels / descriptor.groups
    let outputsPerGroup = descriptor.output.channels / descriptor.groups
    return first / outputsPerGroup * inputsPerGroup..<((last - 1) / outputsPerGroup + 1) * inputsPerGroup
  }

  /// Packs one group, sequentially in the packed order, from 16 rows of the model's weights.
  private static func pack(
    _ index: Int, _ group: Group, _ descriptor: ConvolutionDescriptor, from weights: UnsafePointer<Float>,
    to packed: UnsafeMutablePointer<Float>
  ) {
    let (input, output) = (descriptor.input, descriptor.output)
    let taps = descriptor.kernelHeight * descriptor.kernelWidth
    let inputsPerGroup = input.channels / descriptor.groups
    let outputsPerGroup = output.channels / descriptor.groups
    let first = index * 16
    let last = min(first + 16, output.channels)
    let blockStart = inputChannels(descriptor, first, last).lowerBound / input.block * input.block
    // One convolution group feeds all 16 channels: no zeros but in the lanes beyond the last channel.
    let isDense = first / outputsPerGroup == (last - 1) / outputsPerGroup
    let source = weights + first * inputsPerGroup * taps
    let rowStride = inputsPerGroup * taps
    let firstInput = first / outputsPerGroup * inputsPerGroup
    var target = packed
    for block in 0..<group.inputBlocks {
      for tap in 0..<taps {
        for lane in 0..<input.block {
          let channel = blockStart + block * input.block + lane
          if isDense, last == first + 16, channel >= firstInput, channel < firstInput + inputsPerGroup {
            var row = source + ((channel - firstInput) * taps + tap)
            for o in 0..<16 {
              target[o] = row.pointee
              row += rowStride
            }
          } else {
            for o in 0..<16 {
              let start = (first + o) / outputsPerGroup * inputsPerGroup
              let reaches = first + o < last && channel >= start && channel < start + inputsPerGroup
              target[o] = reaches ? source[o * rowStride + (channel - start) * taps + tap] : 0
            }
          }
          target += 16
        }
      }
    }
  }
}
