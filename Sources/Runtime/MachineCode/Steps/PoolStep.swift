import FixresAssembler

/// Pooling over windows at run time; items are chunks of rows of a channel block of an image.
struct PoolStep: BitwiseCopyable {
  var source, target: Int
  var input, output: ByteStrides
  var kernelHeight, stride, paddingTop: Int
  var rowsPerItem, itemsPerBlock: Int
  /// `[output row][output column]`
  var divisors: UnsafePointer<Float>
  var kernel: UnsafeRawPointer

  private static let itemsPerImage = 16

  static func step(
    _ descriptor: PoolingDescriptor, source: Int, target: Int, _ cache: KernelCache
  ) throws(ExecutableMemoryError) -> KernelStep {
    let (input, output) = (descriptor.input, descriptor.output)
    let kernel = try cache.kernel(
      .pool(
        PoolKernel(
          isa: cache.isa, isMaximum: descriptor.isMaximum, inputWidth: input.width,
          outputWidth: output.width,
          kernelWidth: descriptor.kernelWidth, stride: descriptor.strideWidth,
          paddingLeft: descriptor.padding.left, sourceRow: input.rowByteStride)))
    let divisors = Self.divisors(descriptor)
    let perBlock = max(1, min(output.height, itemsPerImage / output.blockCount))
    let rows = (output.height + perBlock - 1) / perBlock
    let items = (output.height + rows - 1) / rows
    let step = PoolStep(
      source: source, target: target, input: ByteStrides(input), output: ByteStrides(output),
      kernelHeight: descriptor.kernelHeight, stride: descriptor.strideHeight,
      paddingTop: descriptor.padding.top, rowsPerItem: rows, itemsPerBlock: items,
      divisors: divisors.floats,
      kernel: kernel.entry)
    return KernelStep(
      kernel: kernel.name, function: function, copying: step, items: output.blockCount * items,
      resources: StepResources(blocks: [divisors], kernels: [kernel]))
  }

  /// What each mean divides by: the window inside the image, or inside the padded image.
  private static func divisors(_ d: PoolingDescriptor) -> AlignedBlock {
    let table = AlignedBlock(count: d.output.height * d.output.width, of: .f32)
    func extent(_ index: Int, _ stride: Int, _ kernel: Int, _ before: Int, _ after: Int, _ size: Int) -> Int {
      let start = index * stride - before
      let end = min(start + kernel, d.countsPadding ? size + after : size)
      return max(1, end - (d.countsPadding ? start : max(start, 0)))
    }
    for y in 0..<d.output.height {
      let height = extent(
        y, d.strideHeight, d.kernelHeight, d.padding.top, d.padding.bottom, d.input.height)
      for x in 0..<d.output.width {
        let width = extent(x, d.strideWidth, d.kernelWidth, d.padding.left, d.padding.right, d.input.width)
        table.floats[y * d.output.width + x] = Float(height * width)
      }
    }
    return table
  }

  private static let function: StepFunction = { arguments, context, begin, end, _ in
    let step = UnsafePointer(arguments.assumingMemoryBound(to: PoolStep.self))
    for item in begin..<end { step.pointee.run(RunContext.at(context), item) }
  }

  private func run(_ context: RunContext, _ item: Int) {
    // Rows outside, as in the layers around it, so that threads read what they wrote themselves.
    let perImage = itemsPerBlock &* output.blockCount
    let (image, rest) = (item / perImage, item % perImage)
    let (chunk, block) = (rest / output.blockCount, rest % output.blockCount)
    let source =
      context.buffers[self.source] + (image &* input.image &+ block &* input.plane &+ input.origin)
    let target = context.buffers[self.target] + (image &* output.image &+ block &* output.plane)
    if chunk == 0 { output.zeroBorder(target) }
    let function = unsafeBitCast(kernel, to: KernelFunction.self)
    let first = chunk &* rowsPerItem
    for row in first..<min(first &+ rowsPerItem, output.height) {
      let top = row &* stride &- paddingTop
      let (y0, y1) = (max(top, 0), min(top &+ kernelHeight, input.height))
      var arguments = PoolArguments(
        source: UnsafeRawPointer(source) + y0 &* input.row,
        output: target + (output.origin &+ row &* output.row),
        divisors: UnsafeRawPointer(divisors + row &* output.width), rows: y1 &- y0)
      function(&arguments)
    }
  }
}

/// The maximum or mean of whole maps; items are groups of channel blocks of an image.
struct GlobalPoolStep: BitwiseCopyable {
  var source, target: Int
  var input, output: ByteStrides
  var groups: Int
  var area: UnsafePointer<Float>
  var kernel, lastKernel: UnsafeRawPointer

  /// Blocks of a group: independent chains of additions.
  private static let blocks = 4

  static func step(
    _ descriptor: GlobalPoolingDescriptor, source: Int, target: Int, _ cache: KernelCache
  ) throws(ExecutableMemoryError) -> KernelStep {
    let (input, output) = (descriptor.input, descriptor.output)
    func kernel(_ blocks: Int) throws(ExecutableMemoryError) -> EmittedKernel {
      try cache.kernel(
        .globalPool(
          GlobalPoolKernel(
            isa: cache.isa, isMaximum: descriptor.isMaximum, height: input.height, width: input.width,
            blocks: blocks, sourceRow: input.rowByteStride, sourceBlock: input.planeByteStride,
            outputBlock: output.planeByteStride)))
    }
    let full = try kernel(blocks)
    let remainder = output.blockCount % blocks
    let last = remainder == 0 ? full : try kernel(remainder)
    let area = AlignedBlock(count: 1, of: .f32)
    area.floats[0] = Float(input.height * input.width)
    let groups = (output.blockCount + blocks - 1) / blocks
    let step = GlobalPoolStep(
      source: source, target: target, input: ByteStrides(input), output: ByteStrides(output), groups: groups,
      area: area.floats, kernel: full.entry, lastKernel: last.entry)
    return KernelStep(
      kernel: full.name, function: function, copying: step, items: groups,
      resources: StepResources(blocks: [area], kernels: [full, last]))
  }

  private static let function: StepFunction = { arguments, context, begin, end, _ in
    let step = UnsafePointer(arguments.assumingMemoryBound(to: GlobalPoolStep.self))
    for item in begin..<end { step.pointee.run(RunContext.at(context), item) }
  }

  private func run(_ context: RunContext, _ item: Int) {
    let (image, group) = (item / groups, item % groups)
    let first = group &* Self.blocks
    let target = context.buffers[self.target] + image &* output.image
    for block in first..<min(first &+ Self.blocks, output.blockCount) {
      output.zeroBorder(target + block &* output.plane)
    }
    let source =
      context.buffers[self.source] + (image &* input.image &+ input.origin &+ first &* input.plane)
    var arguments = PoolArguments(
      source: UnsafeRawPointer(source),
      output: target + (output.origin &+ first &* output.plane),
      divisors: UnsafeRawPointer(area), rows: 1)
    unsafeBitCast(group &+ 1 == groups ? lastKernel : kernel, to: KernelFunction.self)(&arguments)
  }
}
