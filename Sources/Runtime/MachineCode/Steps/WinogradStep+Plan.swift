import FixresAssembler

extension WinogradStep {
  /// The step for `descriptor`, weights transformed and kernels emitted.
  package static func step(
    _ descriptor: ConvolutionDescriptor, _ parameters: LayerParameters, _ buffers: ConvolutionBuffers,
    tiling: WinogradTiling, cache: KernelCache
  ) throws(KernelRefusal) -> KernelStep {
    let plan = WinogradPlan(descriptor, tiling, cache.isa)
    let lanes = cache.isa.lanes
    let packed = try WeightPacking.winograd(
      parameters, descriptor, tiling.scheme, blocks: tiling.blocks, cache: cache)
    let bias = WeightPacking.bias(
      parameters.bias, channels: descriptor.output.channels, width: tiling.blocks * lanes)
    var resources = StepResources(blocks: [bias], weights: packed)
    let (step, product) = try plan.step(buffers, packed.packed, bias, cache: cache, resources: &resources)
    return KernelStep(
      kernel: plan.name, function: tiling.isReplicated ? replicated : chunked, copying: step,
      footprint: plan.footprint(buffers, weights: packed.packed, bias: bias, product: product),
      items: tiling.isReplicated ? step.groupCount : plan.chunks, itemsCoverBatch: tiling.isReplicated,
      scratchByteCount: plan.transformedByteCount + plan.productByteCount, resources: resources)
  }
}

/// The numbers of a Winograd convolution that follow from its tiling.
struct WinogradPlan {
  let descriptor: ConvolutionDescriptor
  let tiling: WinogradTiling
  let isa: VectorISA
  let tileRows: Int
  let tileColumns: Int

  init(_ descriptor: ConvolutionDescriptor, _ tiling: WinogradTiling, _ isa: VectorISA) {
    (self.descriptor, self.tiling, self.isa) = (descriptor, tiling, isa)
    let side = tiling.scheme.outputSide
    tileRows = (descriptor.output.height + side - 1) / side
    tileColumns = (descriptor.output.width + side - 1) / side
  }

  var rowsPerChunk: Int { tiling.isReplicated ? tileRows : min(tiling.rowsPerChunk, tileRows) }
  var chunks: Int { (tileRows + rowsPerChunk - 1) / rowsPerChunk }
  var tilesPerChunk: Int { rowsPerChunk * tileColumns }
  var groupCount: Int { (descriptor.output.blockCount + tiling.blocks - 1) / tiling.blocks }
  var components: Int { tiling.scheme.components }
  var blockByteCount: Int { tilesPerChunk * isa.byteCount }
  var inputComponent: Int { Self.spread(descriptor.input.blockCount * blockByteCount) }
  var outputComponent: Int { Self.spread(tiling.blocks * blockByteCount) }
  var transformedByteCount: Int { components * inputComponent }
  var productByteCount: Int { components * outputComponent }
  var weightBytesPerProduct: Int {
    descriptor.input.blockCount * isa.lanes * tiling.blocks * isa.byteCount
  }

  /// A stride whose multiples fall into different cache sets: components lie side by side in a transform.
  private static func spread(_ byteCount: Int) -> Int {
    // 64 sets of 64-byte lines: an odd number of lines visits them all.
    (byteCount / 64) % 2 == 0 ? byteCount + 64 : byteCount
  }

  /// Such as `winograd4-7x4-avx512`.
  var name: String {
    let columns = segments(tilesPerChunk)[0].columns
    return "\(tiling.scheme.rawValue)-\(columns)x\(tiling.blocks)-\(isa.level.rawValue)"
  }

  private func segments(_ tiles: Int) -> [StripSegment] {
    ConvolutionTiling.segments(
      width: tiles, largest: WinogradTiling.productTile(isa, tiles: tiles, blocks: tiling.blocks))
  }

  func product(tiles: Int, blocks: Int) -> StripKernel {
    let passes = descriptor.input.blockCount * segments(tiles).reduce(0) { $0 + $1.count }
    let lines = (weightBytesPerProduct / 64 + passes - 1) / passes
    return StripKernel(
      isa: isa, bodyRows: isa.lanes,
      loops: [ReductionLoop(count: descriptor.input.blockCount, sourceStep: blockByteCount)],
      segments: segments(tiles), blocks: blocks, source: PixelSteps(column: isa.byteCount, row: 0),
      output: PixelSteps(column: isa.byteCount, row: 0, block: blockByteCount), start: .zero,
      prefetchLines: min(lines, isa.lanes * 2), weightBlocks: tiling.blocks,
      partRows: tiling.scheme.needsShortSums ? PartRows.short : descriptor.partRows)
  }

  func step(
    _ buffers: ConvolutionBuffers, _ packed: PackedWeights, _ bias: AlignedBlock, cache: KernelCache,
    resources: inout StepResources
  ) throws(KernelRefusal) -> (step: WinogradStep, product: KernelReach) {
    func entry(_ kernel: AnyKernel) throws(KernelRefusal) -> UnsafeRawPointer {
      let emitted = try cache.kernel(kernel)
      resources.kernels.append(emitted)
      return emitted.entry
    }
    var reach = KernelReach()
    func products(_ rows: Int) throws(KernelRefusal) -> WinogradStep.Products {
      let remainder = descriptor.output.blockCount % tiling.blocks
      let strip = product(tiles: rows * tileColumns, blocks: tiling.blocks)
      reach = reach.union(strip.reach)
      let kernel = try entry(.strip(strip))
      let last =
        remainder == 0 ? kernel : try entry(.strip(product(tiles: rows * tileColumns, blocks: remainder)))
      return .init(kernel: kernel, lastGroup: last)
    }
    let lastRows = tileRows - (chunks - 1) * rowsPerChunk
    let scheme = tiling.scheme
    let side = scheme.outputSide
    let residual = descriptor.residual ?? descriptor.output
    let filters = filterOffsets()
    resources.blocks.append(filters)
    let step = WinogradStep(
      input: self.side(
        buffers.input, descriptor.input, step: scheme.inputStep, first: descriptor.firstTapByteOffset),
      output: self.side(buffers.output, descriptor.output, step: side),
      residual: self.side(buffers.residual ?? 0, residual, step: side),
      strides: ByteStrides(descriptor.output), components: components,
      inputBlocks: descriptor.input.blockCount,
      outputBlocks: descriptor.output.blockCount, groupBlocks: tiling.blocks, groupCount: groupCount,
      tileRows: tileRows, rowsPerChunk: rowsPerChunk, chunks: chunks,
      inputKernel: try entry(.winogradInput(inputKernel(validRows: scheme.inputSide))),
      lastInputKernel: try entry(
        .winogradInput(inputKernel(validRows: validInputs(descriptor.output.height, tileRows)))),
      outputKernel: try entry(.winogradOutput(outputKernel(validRows: side))),
      lastOutputKernel: try entry(
        .winogradOutput(outputKernel(validRows: descriptor.output.height - (tileRows - 1) * side))),
      products: try products(rowsPerChunk), lastProducts: try products(lastRows),
      transformedTileRow: tileColumns * isa.byteCount, transformedBlock: blockByteCount,
      inputComponent: inputComponent, outputComponent: outputComponent,
      transformedByteCount: transformedByteCount, weights: packed.addressCell,
      bias: UnsafeRawPointer(bias.base),
      filters: UnsafePointer(filters.base.assumingMemoryBound(to: Int.self)),
      weightBytesPerGroup: scheme.weightComponents * weightBytesPerProduct, laneByteCount: isa.byteCount)
    return (step, reach)
  }

  /// Bytes from a group's weights to each product's filter, and to the next group.
  private func filterOffsets() -> AlignedBlock {
    let block = AlignedBlock(byteCount: (components + 1) * MemoryLayout<Int>.stride)
    let offsets = block.base.bindMemory(to: Int.self, capacity: components + 1)
    for component in 0..<components {
      offsets[component] = tiling.scheme.weightComponent(component) * weightBytesPerProduct
    }
    offsets[components] = tiling.scheme.weightComponents * weightBytesPerProduct
    return block
  }

  private func side(
    _ buffer: Int, _ layout: TensorLayout, step: Int, first: Int = 0
  ) -> WinogradStep.Side {
    WinogradStep.Side(
      buffer: buffer, image: layout.imageByteCount, plane: layout.planeByteStride,
      tileRow: step * layout.rowByteStride, origin: layout.originByteOffset + first)
  }

  /// Input pixels of the last of `tiles` tiles that some of `size` outputs reads.
  func validInputs(_ size: Int, _ tiles: Int) -> Int {
    (size - (tiles - 1) * tiling.scheme.outputSide - 1) * tiling.scheme.stride + 3
  }

  func inputKernel(validRows: Int) -> WinogradInputKernel {
    WinogradInputKernel(
      isa: isa, scheme: tiling.scheme, tiles: tileColumns, validRows: validRows,
      lastValidColumns: validInputs(descriptor.output.width, tileColumns),
      sourceRow: descriptor.input.rowByteStride, component: inputComponent, tile: isa.byteCount)
  }

  func outputKernel(validRows: Int) -> WinogradOutputKernel {
    WinogradOutputKernel(
      isa: isa, scheme: tiling.scheme, tiles: tileColumns, validRows: validRows,
      lastValidColumns: descriptor.output.width - (tileColumns - 1) * tiling.scheme.outputSide,
      component: outputComponent, tile: isa.byteCount, outputRow: descriptor.output.rowByteStride,
      residualRow: descriptor.residual.map(\.rowByteStride), hasReLU: descriptor.hasReLU)
  }
}
