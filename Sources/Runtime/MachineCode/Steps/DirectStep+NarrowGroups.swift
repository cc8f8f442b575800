import FixresAssembler

extension DirectStep {
  /// A step for groups narrower than a channel block: one block at a time, a row at a time.
  package static func narrowGroups(
    _ descriptor: ConvolutionDescriptor, _ parameters: LayerParameters, _ buffers: ConvolutionBuffers,
    cache: KernelCache
  ) throws(KernelRefusal) -> KernelStep {
    let (input, output, isa) = (descriptor.input, descriptor.output, cache.isa)
    let perGroup = input.channels / descriptor.groups
    let largest = NarrowGroupKernel.largestTile(
      isa, channelsPerGroup: perGroup, kernelWidth: descriptor.kernelWidth)
    let segments = ConvolutionTiling.segments(width: output.width, largest: largest)
    let packed = try WeightPacking.narrowGroups(parameters, descriptor, cache)
    let indices = WeightPacking.groupIndices(channelsPerGroup: perGroup, lanes: isa.lanes)
    let bias = WeightPacking.bias(parameters.bias, channels: output.channels, width: isa.lanes)
    let bytesPerBlock = descriptor.weightFormat.byteCount(
      of: descriptor.kernelHeight * descriptor.kernelWidth * perGroup * isa.lanes)
    let residual = descriptor.residual ?? output
    // The kernel finds its index vectors where others find weights to prefetch; these weights are packed at once, so that
    // the distance holds.
    let distance = UnsafeRawPointer(indices.base) - packed.packed.base
    let table = narrowTable(descriptor, bytesPerBlock: bytesPerBlock, toIndices: distance, isa)
    let groups = table.base.assumingMemoryBound(to: Group.self)
    let bandTable = BandTable(descriptor, rows: 1)
    let bands = try narrowBands(descriptor, segments, bandTable, cache: cache)
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
      bandTable: bandTable, bands: output.height, bandsPerItem: bandsPerItem,
      chunks: (output.height + bandsPerItem - 1) / bandsPerItem, hasRowChunks: false, prefetchStrips: 0,
      prefetchBytesPerStrip: 0
    )
    var footprint = narrowFootprint(descriptor, buffers, bands.reach)
    footprint.own = [
      OwnAccess(
        "weights", of: packed.packed.layout.byteCount,
        bands.reach.weights.repeated(output.blockCount, every: bytesPerBlock)),
      OwnAccess(
        "bias", of: bias.byteCount, bands.reach.bias.repeated(output.blockCount, every: isa.byteCount)),
      OwnAccess("indices", of: indices.byteCount, bands.reach.indices),
    ]
    return KernelStep(
      kernel: narrowName(descriptor, perGroup: perGroup, segments, isa), function: groupsOutside,
      copying: step, footprint: footprint,
      items: output.blockCount * step.chunks,
      itemsCoverBatch: true,
      resources: StepResources(
        blocks: [indices, bias, table, bands.table], kernels: bands.kernels, weights: packed))
  }

  /// A group for each channel block.
  private static func narrowTable(
    _ descriptor: ConvolutionDescriptor, bytesPerBlock: Int, toIndices distance: Int, _ isa: VectorISA
  ) -> AlignedBlock {
    let (input, output) = (descriptor.input, descriptor.output)
    let residual = descriptor.residual ?? output
    let table = AlignedBlock(byteCount: output.blockCount * MemoryLayout<Group>.stride)
    let groups = table.base.bindMemory(to: Group.self, capacity: output.blockCount)
    for block in 0..<output.blockCount {
      groups[block] = Group(
        source: input.originByteOffset + descriptor.firstTapByteOffset + block * input.planeByteStride,
        output: output.originByteOffset + block * output.planeByteStride,
        residual: residual.originByteOffset + block * residual.planeByteStride,
        weights: block * bytesPerBlock, bias: block * isa.byteCount, nextWeights: distance,
        borderBegin: block, borderEnd: block + 1)
    }
    return table
  }

  private static func narrowName(
    _ descriptor: ConvolutionDescriptor, perGroup: Int, _ segments: [StripSegment], _ isa: VectorISA
  ) -> String {
    let stride = descriptor.strideHeight > 1 ? "s\(descriptor.strideHeight)" : ""
    return
      "grouped\(perGroup)-\(descriptor.kernelHeight)x\(descriptor.kernelWidth)\(stride)-\(segments[0].columns)"
      + "-\(isa.level.rawValue)"
  }

  /// The maps that the step touches, where `reach` is what the kernels of a block's bands reach.
  private static func narrowFootprint(
    _ descriptor: ConvolutionDescriptor, _ buffers: ConvolutionBuffers, _ reach: KernelReach
  ) -> StepFootprint {
    let (input, output) = (descriptor.input, descriptor.output)
    var footprint = StepFootprint.convolution(descriptor, buffers)
    func blocks(_ span: ByteSpan, _ layout: TensorLayout, from start: Int = 0) -> ByteSpan {
      span.repeated(output.blockCount, every: layout.planeByteStride)
        .shifted(by: layout.originByteOffset + start)
    }
    footprint.reads[0].reach = blocks(reach.source, input, from: descriptor.firstTapByteOffset)
    footprint.write?.reach = blocks(reach.output, output)
    if footprint.reads.count > 1, let residual = descriptor.residual {
      footprint.reads[1].reach = blocks(reach.residual, residual)
    }
    return footprint
  }

  /// The kernel of each entry of the band table, and what they reach: rows at an edge of the map leave kernel rows out.
  private static func narrowBands(
    _ descriptor: ConvolutionDescriptor, _ segments: [StripSegment], _ bands: BandTable, cache: KernelCache
  ) throws(KernelRefusal) -> (table: AlignedBlock, kernels: [EmittedKernel], reach: KernelReach) {
    let (input, output) = (descriptor.input, descriptor.output)
    let count = bands.entryCount
    try cache.requireEmission(of: NarrowGroupKernel.mostInstructions, times: count)
    let table = AlignedBlock(byteCount: count * MemoryLayout<Kernels>.stride)
    let entries = table.base.bindMemory(to: Kernels.self, capacity: count)
    var kernels: [EmittedKernel] = []
    var reach = BandReach(
      inputBand: descriptor.strideHeight * input.rowByteStride, outputBand: output.rowByteStride,
      residualBand: (descriptor.residual ?? output).rowByteStride)
    for entry in 0..<count {
      let row = bands.bands(of: entry).lowerBound
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
      reach.add(kernel.description, bands: bands.bands(of: entry))
      entries[entry] = Kernels(plain: kernel.entry, prefetching: kernel.entry)
    }
    return (table, kernels, reach.reach)
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
  ) throws(KernelRefusal) -> LayerWeights {
    try parameters.packed(narrowGroupLayout(descriptor, cache.isa), in: cache.weights) { packed in
      packNarrow(
        parameters.weights, outputs: descriptor.output.channels,
        inputsPerGroup: descriptor.input.channels / descriptor.groups,
        kernel: (descriptor.kernelHeight, descriptor.kernelWidth), lanes: cache.isa.lanes, into: packed)
    }
  }

  /// What `narrowGroups` gives, into zeros.
  static func packNarrow(
    _ weights: UnsafePointer<Float>, outputs: Int, inputsPerGroup: Int, kernel: (height: Int, width: Int),
    lanes: Int, into packed: UnsafeMutablePointer<Float>
  ) {
    let (height, width) = kernel
    for channel in 0..<outputs {
      let source = weights + channel * inputsPerGroup * height * width
      let block = packed + channel / lanes * lanes * inputsPerGroup * height * width + channel % lanes
      for input in 0..<inputsPerGroup {
        for ky in 0..<height {
          for kx in 0..<width {
            block[((ky * inputsPerGroup + input) * width + kx) * lanes] =
              source[(input * height + ky) * width + kx]
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
