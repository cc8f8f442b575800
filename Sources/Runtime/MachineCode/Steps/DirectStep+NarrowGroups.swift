import FixresAssembler

extension DirectStep {
  /// A step for groups narrower than a channel block: one block at a time, a row at a time.
  package static func narrowGroups(
    _ descriptor: ConvolutionDescriptor, _ parameters: LayerParameters, _ buffers: ConvolutionBuffers,
    cache: KernelCache
  ) throws(ExecutableMemoryError) -> KernelStep {
    let (input, output, isa) = (descriptor.input, descriptor.output, cache.isa)
    let perGroup = input.channels / descriptor.groups
    let largest = NarrowGroupKernel.largestTile(
      isa, channelsPerGroup: perGroup, kernelWidth: descriptor.kernelWidth)
    let segments = ConvolutionTiling.segments(width: output.width, largest: largest)
    let packed = WeightPacking.narrowGroups(parameters, descriptor, cache)
    let indices = WeightPacking.groupIndices(channelsPerGroup: perGroup, lanes: isa.lanes)
    let bias = WeightPacking.bias(parameters.bias, channels: output.channels, width: isa.lanes)
    let bytesPerBlock = descriptor.weightFormat.byteCount(
      of: descriptor.kernelHeight * descriptor.kernelWidth * perGroup * isa.lanes)
    let residual = descriptor.residual ?? output
    let table = AlignedBlock(byteCount: output.blockCount * MemoryLayout<Group>.stride)
    let groups = table.base.bindMemory(to: Group.self, capacity: output.blockCount)
    for block in 0..<output.blockCount {
      groups[block] = Group(
        source: input.originByteOffset + descriptor.firstTapByteOffset + block * input.planeByteStride,
        output: output.originByteOffset + block * output.planeByteStride,
        residual: residual.originByteOffset + block * residual.planeByteStride,
        weights: block * bytesPerBlock,
        bias: block * isa.byteCount,
        // The kernel finds its index vectors where others find weights to prefetch; these weights are packed at
        // once, so that the distance holds.
        nextWeights: UnsafeRawPointer(indices.base) - packed.packed.base, borderBegin: block,
        borderEnd: block + 1)
    }
    let bands = try narrowBands(descriptor, segments, cache: cache)
    let entries = bands.table.base.assumingMemoryBound(to: Kernels.self)
    let chunkTarget = max(1, itemTarget / output.blockCount)
    let bandsPerItem = (output.height + chunkTarget - 1) / chunkTarget
    let step = DirectStep(
      inputBuffer: buffers.input, outputBuffer: buffers.output,
      residualBuffer: buffers.residual ?? buffers.input, output: ByteStrides(output),
      inputImage: input.imageByteCount, outputImage: output.imageByteCount,
      residualImage: residual.imageByteCount, inputBand: descriptor.strideHeight * input.rowByteStride,
      outputBand: output.rowByteStride, residualBand: residual.rowByteStride, groups: groups,
      groupCount: output.blockCount, kernels: entries, lastGroupKernels: entries,
      weights: packed.packed.addressCell, bias: UnsafeRawPointer(bias.base),
      bands: output.height, bandsPerItem: bandsPerItem,
      chunks: (output.height + bandsPerItem - 1) / bandsPerItem, hasRowChunks: false, prefetchStrips: 0,
      prefetchBytesPerStrip: 0
    )
    let stride = descriptor.strideHeight > 1 ? "s\(descriptor.strideHeight)" : ""
    let name =
      "grouped\(perGroup)-\(descriptor.kernelHeight)x\(descriptor.kernelWidth)\(stride)-\(segments[0].columns)"
      + "-\(isa.level.rawValue)"
    return KernelStep(
      kernel: name, function: groupsOutside, copying: step, items: output.blockCount * step.chunks,
      itemsCoverBatch: true,
      resources: StepResources(
        blocks: [indices, bias, table, bands.table], kernels: bands.kernels, weights: packed))
  }

  /// The kernel of each output row: rows at an edge of the map leave kernel rows out.
  private static func narrowBands(
    _ descriptor: ConvolutionDescriptor, _ segments: [StripSegment], cache: KernelCache
  ) throws(ExecutableMemoryError) -> (table: AlignedBlock, kernels: [EmittedKernel]) {
    let (input, rows) = (descriptor.input, descriptor.output.height)
    let table = AlignedBlock(byteCount: rows * MemoryLayout<Kernels>.stride)
    let entries = table.base.bindMemory(to: Kernels.self, capacity: rows)
    var kernels: [EmittedKernel] = []
    for row in 0..<rows {
      let first = descriptor.paddingTop - row * descriptor.strideHeight
      let begin = min(max(0, first), descriptor.kernelHeight)
      let kernel = try cache.kernel(
        .narrowGroup(
          NarrowGroupKernel(
            isa: cache.isa, channelsPerGroup: input.channels / descriptor.groups,
            kernelRows: begin..<max(begin, min(first + input.height, descriptor.kernelHeight)),
            kernelWidth: descriptor.kernelWidth, stride: descriptor.strideWidth, segments: segments,
            sourceRow: input.rowByteStride, hasResidual: descriptor.residual != nil,
            hasReLU: descriptor.hasReLU)))
      kernels.append(kernel)
      entries[row] = Kernels(plain: kernel.entry, prefetching: kernel.entry)
    }
    return (table, kernels)
  }
}

extension WeightPacking {
  /// What `narrowGroups` gives, in any format.
  package static func narrowGroupLayout(
    _ descriptor: ConvolutionDescriptor, _ isa: VectorISA
  ) -> WeightLayout {
    let perGroup = descriptor.input.channels / descriptor.groups
    return WeightLayout(
      name: "narrow groups \(isa.lanes)",
      count: descriptor.output.blockCount * isa.lanes * perGroup * descriptor.kernelHeight
        * descriptor.kernelWidth,
      format: descriptor.weightFormat)
  }

  /// `[block][ky][input of the group][kx][lanes]`
  package static func narrowGroups(
    _ parameters: LayerParameters, _ descriptor: ConvolutionDescriptor, _ cache: KernelCache
  ) -> LayerWeights {
    let lanes = cache.isa.lanes
    let perGroup = descriptor.input.channels / descriptor.groups
    let (height, width) = (descriptor.kernelHeight, descriptor.kernelWidth)
    return parameters.packed(narrowGroupLayout(descriptor, cache.isa), in: cache.weights) { packed in
      for channel in 0..<descriptor.output.channels {
        let source = parameters.weights + channel * perGroup * height * width
        let block = packed + channel / lanes * lanes * perGroup * height * width + channel % lanes
        for input in 0..<perGroup {
          for ky in 0..<height {
            for kx in 0..<width {
              block[((ky * perGroup + input) * width + kx) * lanes] =
                source[(input * height + ky) * width + kx]
            }
          }
        }
      }
    }
  }

  /// For each input `i` of a group: lane `l` takes lane `l - l % channelsPerGroup + i`, as 32-bit integers.
  static func groupIndices(channelsPerGroup: Int, lanes: Int) -> AlignedBlock {
    let block = AlignedBlock(byteCount: channelsPerGroup * lanes * MemoryLayout<Int32>.stride)
    let indices = block.base.bindMemory(to: Int32.self, capacity: channelsPerGroup * lanes)
    for input in 0..<channelsPerGroup {
      for lane in 0..<lanes {
        indices[input * lanes + lane] = Int32(lane - lane % channelsPerGroup + input)
      }
    }
    return block
  }
}
