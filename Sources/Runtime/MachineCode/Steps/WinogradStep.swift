/// A Winograd convolution at run time: input transform, products of each component, output transform.
package struct WinogradStep: BitwiseCopyable {
  struct Side: BitwiseCopyable {
    var buffer: Int
    /// Bytes between images, channel blocks and rows of tiles, and to the first tile.
    var image, plane, tileRow, origin: Int
  }
  /// The kernels of a chunk of tile rows: the last may have fewer rows than the others.
  struct Products: BitwiseCopyable {
    var kernel, lastGroup: UnsafeRawPointer
  }

  var input, output, residual: Side
  var strides: ByteStrides
  var components: Int
  var inputBlocks, outputBlocks, groupBlocks, groupCount: Int
  var tileRows, rowsPerChunk, chunks: Int
  var inputKernel, lastInputKernel, outputKernel, lastOutputKernel: UnsafeRawPointer
  var products, lastProducts: Products
  /// Bytes between tiles' rows and between blocks in both transformed tensors, and between components of each.
  var transformedTileRow, transformedBlock, inputComponent, outputComponent: Int
  /// Bytes of the transformed input, behind which a thread keeps its products.
  var transformedByteCount: Int
  /// Where the weights' address is found.
  var weights: UnsafePointer<UnsafeRawPointer>
  var bias: UnsafeRawPointer
  /// Where in a group's weights each product's filter lies, and how many bytes a group has.
  var filters: UnsafePointer<Int>
  var weightBytesPerGroup: Int
  var laneByteCount: Int

  /// Items are chunks of tile rows of each image, in the thread's own memory.
  package static let chunked: StepFunction = { arguments, context, begin, end, thread in
    let step = UnsafePointer(arguments.assumingMemoryBound(to: WinogradStep.self))
    let context = RunContext.at(context)
    let scratch = context.scratch + thread &* context.scratchByteCount
    for item in begin..<end { step.pointee.chunk(context, item, scratch) }
  }

  /// Items are groups of output blocks; every thread transforms all of an image for itself, which costs it less
  /// than to fetch from another core what that has transformed, a tensor 2.25 (or 4) times the image's size.
  package static let replicated: StepFunction = { arguments, context, begin, end, thread in
    let step = UnsafePointer(arguments.assumingMemoryBound(to: WinogradStep.self))
    let context = RunContext.at(context)
    let scratch = context.scratch + thread &* context.scratchByteCount
    let rows = step.pointee.tileRows
    for image in 0..<context.batch {
      for block in 0..<step.pointee.inputBlocks {
        step.pointee.transform(context, image: image, block: block, from: 0, to: rows, into: scratch)
      }
      for group in begin..<end {
        step.pointee.zeroBorders(context, image, group)
        step.pointee.group(
          context, image: image, group: group, from: 0, to: rows, transformed: UnsafeRawPointer(scratch),
          scratch: scratch + step.pointee.transformedByteCount)
      }
    }
  }

  private func chunk(_ context: RunContext, _ item: Int, _ scratch: UnsafeMutableRawPointer) {
    let (image, chunk) = (item / chunks, item % chunks)
    let first = chunk &* rowsPerChunk
    let last = min(first &+ rowsPerChunk, tileRows)
    for block in 0..<inputBlocks {
      transform(context, image: image, block: block, from: first, to: last, into: scratch)
    }
    for index in 0..<groupCount {
      if chunk == 0 { zeroBorders(context, image, index) }
      group(
        context, image: image, group: index, from: first, to: last, transformed: UnsafeRawPointer(scratch),
        scratch: scratch + transformedByteCount)
    }
  }

  private func zeroBorders(_ context: RunContext, _ image: Int, _ group: Int) {
    let base = context.buffers[output.buffer] + image &* strides.image
    for block in (group &* groupBlocks)..<min((group &+ 1) &* groupBlocks, outputBlocks) {
      strides.zeroBorder(base + block &* strides.plane)
    }
  }

  /// Tile rows `first ..< last` of one input block.
  private func transform(
    _ context: RunContext, image: Int, block: Int, from first: Int, to last: Int,
    into target: UnsafeMutableRawPointer
  ) {
    let source =
      context.buffers[input.buffer] + (image &* input.image &+ block &* input.plane &+ input.origin)
    for row in first..<last {
      var arguments = WinogradArguments(
        source: UnsafeRawPointer(source + row &* input.tileRow),
        output: target + (block &* transformedBlock &+ (row &- first) &* transformedTileRow), bias: bias,
        residual: bias)
      let kernel = row &+ 1 == tileRows ? lastInputKernel : inputKernel
      unsafeBitCast(kernel, to: KernelFunction.self)(&arguments)
    }
  }

  /// All products of one group of output blocks, and their transform to output.
  private func group(
    _ context: RunContext, image: Int, group: Int, from first: Int, to last: Int,
    transformed: UnsafeRawPointer, scratch: UnsafeMutableRawPointer
  ) {
    let products = last &- first == rowsPerChunk ? self.products : lastProducts
    let isLast = group &+ 1 == groupCount
    let function = unsafeBitCast(isLast ? products.lastGroup : products.kernel, to: KernelFunction.self)
    let groupWeights = weights.pointee + group &* weightBytesPerGroup
    for component in 0..<components {
      let product = groupWeights + filters[component]
      var arguments = StripArguments(
        source: transformed + component &* inputComponent, output: scratch + component &* outputComponent,
        weights: product, bias: bias, residual: bias, prefetch: groupWeights + filters[component &+ 1])
      function(&arguments)
    }
    let firstBlock = group &* groupBlocks
    for block in firstBlock..<min(firstBlock &+ groupBlocks, outputBlocks) {
      let offset = image &* output.image &+ block &* output.plane &+ output.origin
      let residualOffset = image &* residual.image &+ block &* residual.plane &+ residual.origin
      for row in first..<last {
        var arguments = WinogradArguments(
          source: UnsafeRawPointer(
            scratch + ((block &- firstBlock) &* transformedBlock &+ (row &- first) &* transformedTileRow)),
          output: context.buffers[output.buffer] + (offset &+ row &* output.tileRow),
          bias: bias + block &* laneByteCount,
          residual: UnsafeRawPointer(context.buffers[residual.buffer])
            + (residualOffset &+ row &* residual.tileRow))
        let kernel = row &+ 1 == tileRows ? lastOutputKernel : outputKernel
        unsafeBitCast(kernel, to: KernelFunction.self)(&arguments)
      }
    }
  }
}
