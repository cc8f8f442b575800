import FixresAssembler

extension DirectStep {
  /// Items that a layer is cut into at most; enough to share out, few enough to cost nothing.
  static let itemTarget = 32

  /// The step for `descriptor`, weights packed and kernels emitted.
  package static func step(
    _ descriptor: ConvolutionDescriptor, _ parameters: LayerParameters, _ buffers: ConvolutionBuffers,
    tiling: ConvolutionTiling, cache: KernelCache
  ) throws(KernelRefusal) -> KernelStep {
    let plan = DirectPlan(descriptor, tiling, cache.isa)
    let packed = try WeightPacking.direct(
      parameters, descriptor, plan.window, blocks: tiling.blocks, cache: cache)
    let width = tiling.blocks * cache.isa.lanes
    let bias = WeightPacking.bias(parameters.bias, channels: descriptor.output.channels, width: width)
    let table = AlignedBlock(byteCount: plan.window.firstBlocks.count * MemoryLayout<Group>.stride)
    let groups = table.base.bindMemory(to: Group.self, capacity: plan.window.firstBlocks.count)
    for index in plan.window.firstBlocks.indices { groups[index] = plan.group(index) }
    var resources = StepResources(blocks: [bias, table], weights: packed)
    let (kernels, reach) = try plan.kernels(blocks: tiling.blocks, cache, &resources)
    let remainder = descriptor.output.blockCount % tiling.blocks
    let (last, lastReach) =
      remainder == 0 ? (kernels, reach) : try plan.kernels(blocks: remainder, cache, &resources)
    let bands = plan.bands
    let groupCount = plan.window.firstBlocks.count
    let chunkTarget = tiling.groupsOutside ? max(1, itemTarget / groupCount) : itemTarget
    let bandsPerItem = (bands + chunkTarget - 1) / chunkTarget
    let residual = descriptor.residual ?? descriptor.output
    let step = DirectStep(
      inputBuffer: buffers.input, outputBuffer: buffers.output,
      residualBuffer: buffers.residual ?? buffers.input, output: ByteStrides(descriptor.output),
      inputImage: descriptor.input.imageByteCount, outputImage: descriptor.output.imageByteCount,
      residualImage: residual.imageByteCount,
      inputBand: plan.inputBand, outputBand: plan.outputBand, residualBand: plan.residualBand, groups: groups,
      groupCount: groupCount,
      kernels: kernels, lastGroupKernels: last, weights: packed.packed.addressCell,
      bias: UnsafeRawPointer(bias.base), bandTable: plan.bandTable, bands: bands, bandsPerItem: bandsPerItem,
      chunks: tiling.rowChunks > 0 ? tiling.rowChunks : (bands + bandsPerItem - 1) / bandsPerItem,
      hasRowChunks: tiling.rowChunks > 0,
      prefetchStrips: plan.prefetchStrips, prefetchBytesPerStrip: plan.prefetchBytesPerStrip)
    let items = tiling.groupsOutside ? groupCount * step.chunks : step.chunks
    return KernelStep(
      kernel: plan.name, function: tiling.groupsOutside ? groupsOutside : pixelsOutside, copying: step,
      footprint: plan.footprint(
        buffers, groups: reach, lastGroup: lastReach, weights: packed.packed, bias: bias),
      items: items, itemsCoverBatch: tiling.groupsOutside, resources: resources)
  }
}

/// The numbers of a direct convolution that follow from its tiling.
struct DirectPlan {
  let descriptor: ConvolutionDescriptor
  let tiling: ConvolutionTiling
  let isa: VectorISA
  let window: ConvolutionWindow

  init(_ descriptor: ConvolutionDescriptor, _ tiling: ConvolutionTiling, _ isa: VectorISA) {
    (self.descriptor, self.tiling, self.isa) = (descriptor, tiling, isa)
    window = ConvolutionWindow(descriptor, isa, blocks: tiling.blocks)
  }

  var bandTable: BandTable { BandTable(descriptor, rows: tiling.rows) }
  var bands: Int { (descriptor.output.height + tiling.rows - 1) / tiling.rows }
  var weightBytesPerGroup: Int { window.groupByteCount }
  private var residual: TensorLayout { descriptor.residual ?? descriptor.output }
  /// Bytes from one band to the next.
  var inputBand: Int { tiling.rows * descriptor.strideHeight * descriptor.input.rowByteStride }
  var outputBand: Int { tiling.rows * descriptor.output.rowByteStride }
  var residualBand: Int { tiling.rows * residual.rowByteStride }

  /// Such as `direct-3x3s2-7x4-avx512`.
  var name: String {
    let (d, columns) = (descriptor, tiling.segments[0].columns)
    let tile =
      tiling.rows > 1 ? "\(tiling.rows)x\(columns)x\(tiling.blocks)" : "\(columns)x\(tiling.blocks)"
    let stride = d.strideHeight > 1 || d.strideWidth > 1 ? "s\(d.strideHeight)" : ""
    let groups = d.groups > 1 ? "g\(d.groups)" : ""
    return "direct-\(d.kernelHeight)x\(d.kernelWidth)\(stride)\(groups)-\(tile)-\(isa.level.rawValue)"
  }

  /// A channel block of few channels is read a kernel row at a time, its taps being neighbours in memory.
  private var joinsTaps: Bool { descriptor.input.block < 8 }
  private var bodyRows: Int {
    let format = descriptor.weightFormat
    return format.wholeGroups(descriptor.input.block * (joinsTaps ? descriptor.kernelWidth : 1))
      / format.group
  }
  private var bodyPasses: Int { window.vectorRows / bodyRows }

  private var loops: [ReductionLoop] {
    [ReductionLoop(count: window.blockCount, sourceStep: descriptor.input.planeByteStride)]
      .filter { $0.count > 1 }
  }

  /// The taps as the band whose first output row is `row` meets them.
  private func taps(row: Int, rows: Int) -> TapWindow {
    let (d, input) = (descriptor, descriptor.input)
    let first = d.paddingTop - row * d.strideHeight
    // Bands that lie inside the map share one kernel.
    let most = (rows - 1) * d.strideHeight + d.kernelHeight
    return TapWindow(
      height: d.kernelHeight, width: joinsTaps ? 1 : d.kernelWidth, rowStep: input.rowByteStride,
      columnStep: input.pixelByteStride, strideHeight: d.strideHeight, strideWidth: d.strideWidth,
      sourceRows: min(max(0, first), most)..<max(0, min(first + input.height, most)),
      // Joined taps read their padding: products with it are a 130th of a 7x7 layer's.
      sourceColumns: joinsTaps ? 0..<Int.max : d.paddingLeft..<d.paddingLeft + input.width)
  }

  /// Tiles of a group that have whole bands.
  private var tilesPerBand: Int { tiling.segments.reduce(0) { $0 + $1.count } }

  /// Whole bands that follow one another in a group.
  private var bandsPerGroup: Int {
    let bands = descriptor.output.height / tiling.rows
    if tiling.rowChunks > 0 { return bands / tiling.rowChunks }
    return tiling.groupsOutside ? bands : 1
  }

  /// Lines of the next group's weights for each pass of the body, spread over all of a group's tiles.
  var prefetchLines: Int {
    guard window.firstBlocks.count > 1 else { return 0 }
    let passes = max(1, bandsPerGroup) * tilesPerBand * bodyPasses
    let lines = (weightBytesPerGroup / 64 + passes - 1) / passes
    // More than a line a weight row is what the hardware's own prefetching of a stream does better.
    return lines <= bodyRows ? lines : 0
  }

  var prefetchBytesPerStrip: Int { prefetchLines * 64 * bodyPasses * tilesPerBand }

  var prefetchStrips: Int {
    prefetchLines == 0 ? 0 : (weightBytesPerGroup + prefetchBytesPerStrip - 1) / prefetchBytesPerStrip
  }

  func group(_ index: Int) -> DirectStep.Group {
    let (input, output) = (descriptor.input, descriptor.output)
    let residual = descriptor.residual ?? output
    let firstBlock = index * tiling.blocks
    // A chunk of rows is followed by the next chunk's first group.
    let following = tiling.rowChunks > 0 ? 0 : index
    let next = index + 1 < window.firstBlocks.count ? index + 1 : following
    return DirectStep.Group(
      source: input.originByteOffset + descriptor.firstTapByteOffset
        + window.firstBlocks[index] * input.planeByteStride,
      output: output.originByteOffset + firstBlock * output.planeByteStride,
      residual: residual.originByteOffset + firstBlock * residual.planeByteStride,
      weights: index * weightBytesPerGroup, bias: firstBlock * isa.byteCount,
      nextWeights: next * weightBytesPerGroup, borderBegin: firstBlock,
      borderEnd: min(firstBlock + tiling.blocks, output.blockCount))
  }

  /// The kernel of the bands that start at output row `row`.
  private func strip(row: Int, blocks: Int, prefetches: Bool) -> StripKernel {
    let (input, output) = (descriptor.input, descriptor.output)
    func steps(_ layout: TensorLayout) -> PixelSteps {
      PixelSteps(
        column: layout.pixelByteStride, row: layout.rowByteStride, block: layout.planeByteStride)
    }
    let rows = min(tiling.rows, output.height - row)
    let segments = tiling.segments(isa, blocks: blocks, width: output.width)
    let tiles = segments.reduce(0) { $0 + $1.count }
    let lines = (prefetchLines * tilesPerBand + tiles - 1) / tiles
    return StripKernel(
      isa: isa, bodyRows: bodyRows, taps: taps(row: row, rows: rows), loops: loops, rows: rows,
      segments: segments, blocks: blocks,
      source: PixelSteps(
        column: descriptor.strideWidth * input.pixelByteStride,
        row: descriptor.strideHeight * input.rowByteStride),
      output: steps(output), residual: descriptor.residual.map(steps), start: .bias,
      hasReLU: descriptor.hasReLU, prefetchLines: prefetches ? lines : 0,
      weightBlocks: tiling.blocks, partRows: descriptor.partRows,
      sourceRowByteCount: descriptor.weightFormat.groupByteCount)
  }

  /// The kernels of each entry of the band table, and what they reach; bands that meet the source map alike share
  /// theirs.
  func kernels(
    blocks: Int, _ cache: KernelCache, _ resources: inout StepResources
  ) throws(KernelRefusal) -> (UnsafePointer<DirectStep.Kernels>, KernelReach) {
    let bands = bandTable
    let count = bands.entryCount
    try cache.requireEmission(
      of: strip(row: 0, blocks: blocks, prefetches: false).workEstimate, times: count)
    let block = AlignedBlock(byteCount: count * MemoryLayout<DirectStep.Kernels>.stride)
    let table = block.base.bindMemory(to: DirectStep.Kernels.self, capacity: count)
    resources.blocks.append(block)
    var entries: [StripKernel: DirectStep.Kernels] = [:]
    var reach = BandReach(inputBand: inputBand, outputBand: outputBand, residualBand: residualBand)
    for entry in 0..<count {
      let row = bands.bands(of: entry).lowerBound * tiling.rows
      let plain = strip(row: row, blocks: blocks, prefetches: false)
      reach.add(.strip(plain), bands: bands.bands(of: entry))
      if let known = entries[plain] {
        table[entry] = known
        continue
      }
      let kernel = try cache.kernel(.strip(plain))
      var found = DirectStep.Kernels(plain: kernel.entry, prefetching: kernel.entry)
      resources.kernels.append(kernel)
      if prefetchLines > 0 {
        let prefetching = try cache.kernel(
          .strip(strip(row: row, blocks: blocks, prefetches: true)))
        found.prefetching = prefetching.entry
        resources.kernels.append(prefetching)
      }
      entries[plain] = found
      table[entry] = found
    }
    return (UnsafePointer(table), reach.reach)
  }
}
