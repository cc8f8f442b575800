import FixresAssembler

/// Pooling over windows at run time; items are chunks of rows of a channel block of an image.
struct PoolStep: BitwiseCopyable {
  var source, target: Int
  var input, output: ByteStrides
  var kernelHeight, stride, paddingTop: Int
  var rowsPerItem, itemsPerBlock: Int
  /// What means divide by; `[rows of a window - least][output column]`, empty for a maximum.
  var divisors: UnsafePointer<Float>
  /// Rows of the smallest window, and the floats from one number of rows to the next.
  var leastRows, divisorRow: Int
  /// Rows behind the map that belong to a window.
  var rowsBelow: Int
  /// Windows have rows above the map too.
  var countsRowsAbove: Bool
  var kernel: UnsafeRawPointer

  private static let itemsPerImage = 16

  static func step(
    _ descriptor: PoolingDescriptor, source: Int, target: Int, _ cache: KernelCache
  ) throws(KernelRefusal) -> KernelStep {
    let (input, output) = (descriptor.input, descriptor.output)
    let description = PoolKernel(
      isa: cache.isa, isMaximum: descriptor.isMaximum, inputWidth: input.width, outputWidth: output.width,
      kernelWidth: descriptor.kernelWidth, stride: descriptor.strideWidth,
      paddingLeft: descriptor.padding.left, sourceRow: input.rowByteStride)
    try cache.requireEmission(of: description.workEstimate)
    let kernel = try cache.kernel(.pool(description))
    let divisors = try Divisors(descriptor)
    let perBlock = max(1, min(output.height, itemsPerImage / output.blockCount))
    let rows = (output.height + perBlock - 1) / perBlock
    let items = (output.height + rows - 1) / rows
    let step = PoolStep(
      source: source, target: target, input: ByteStrides(input), output: ByteStrides(output),
      kernelHeight: descriptor.kernelHeight, stride: descriptor.strideHeight,
      paddingTop: descriptor.padding.top, rowsPerItem: rows, itemsPerBlock: items,
      divisors: divisors.table.floats, leastRows: divisors.rows.lowerBound,
      divisorRow: divisors.rowCount, rowsBelow: divisors.rowsBelow, countsRowsAbove: descriptor.countsPadding,
      kernel: kernel.entry)
    return KernelStep(
      kernel: kernel.name, function: function, copying: step,
      footprint: step.footprint(descriptor, description, divisors), items: output.blockCount * items,
      resources: StepResources(blocks: [divisors.table], kernels: [kernel]))
  }

  private func footprint(
    _ descriptor: PoolingDescriptor, _ kernel: PoolKernel, _ divisors: Divisors
  ) -> StepFootprint {
    var footprint = StepFootprint.map(source, descriptor.input, to: target, descriptor.output)
    let row = kernel.reach(rows: 1)
    let (first, last) = (
      max(0, -paddingTop), min((output.height - 1) * stride - paddingTop + kernelHeight, input.height)
    )
    footprint.reads[0].reach = row.source.repeated(last - first, every: input.row)
      .repeated(output.blockCount, every: input.plane).shifted(by: input.origin + first * input.row)
    footprint.write?.reach = row.output.repeated(output.height, every: output.row)
      .repeated(output.blockCount, every: output.plane).shifted(by: output.origin)
    let rowByteCount = divisorRow * ElementFormat.Accumulator.byteCount
    footprint.own = [
      OwnAccess(
        "divisors", of: divisors.table.byteCount,
        row.bias.repeated(divisors.rows.count, every: rowByteCount))
    ]
    return footprint
  }

  /// What means divide by, by the number of rows and by column.
  private struct Divisors {
    /// Bytes of a table at most: an ordinary pool has two or three rows of it.
    private static let mostBytes = 4 << 20

    let table: AlignedBlock
    let rows: Range<Int>
    let rowCount: Int
    let rowsBelow: Int

    /// The window inside the image, or inside the padded image.
    init(_ d: PoolingDescriptor) throws(KernelRefusal) {
      let (input, output) = (d.input, d.output)
      let rowsBelow = d.countsPadding ? d.padding.bottom : 0
      self.rowsBelow = rowsBelow
      guard !d.isMaximum else {
        (table, rows, rowCount) = (AlignedBlock(count: 1, of: .f32), 0..<0, 0)
        return
      }
      rowCount = output.width
      // Windows at the two edges are the smallest; between them they only grow and shrink.
      let edges = [0, output.height - 1].map { index in
        PoolStep.extent(
          index, d.strideHeight, d.kernelHeight, before: d.padding.top, end: input.height + rowsBelow,
          countsBefore: d.countsPadding)
      }
      let least = min(edges[0], edges[1])
      rows = least..<max(d.kernelHeight, least) + 1
      guard let byteCount = Int.checkedProduct([rows.count, rowCount, 4]), byteCount <= Self.mostBytes else {
        throw .uncovered("its windows have \(rows.count) heights")
      }
      let table = AlignedBlock(byteCount: byteCount)
      self.table = table
      for x in 0..<rowCount {
        let width = PoolStep.extent(
          x, d.strideWidth, d.kernelWidth, before: d.padding.left,
          end: input.width + (d.countsPadding ? d.padding.right : 0), countsBefore: d.countsPadding)
        for height in rows { table.floats[(height - least) * rowCount + x] = Float(height * width) }
      }
    }
  }

  /// Pixels of window `index` in one dimension, where those before `end` count, and those before the image too where
  /// `countsBefore`; at least one.
  @inline(__always)
  private static func extent(
    _ index: Int, _ stride: Int, _ kernel: Int, before: Int, end: Int, countsBefore: Bool
  ) -> Int {
    let start = index &* stride &- before
    return max(1, min(start &+ kernel, end) &- (countsBefore ? start : max(start, 0)))
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
      let extent = Self.extent(
        row, stride, kernelHeight, before: paddingTop, end: input.height &+ rowsBelow,
        countsBefore: countsRowsAbove)
      var arguments = PoolArguments(
        source: UnsafeRawPointer(source) + y0 &* input.row,
        output: target + (output.origin &+ row &* output.row),
        divisors: UnsafeRawPointer(divisors + (extent &- leastRows) &* divisorRow), rows: y1 &- y0)
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
  ) throws(KernelRefusal) -> KernelStep {
    let (input, output) = (descriptor.input, descriptor.output)
    func kernel(_ blocks: Int) throws(KernelRefusal) -> EmittedKernel {
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
    var footprint = StepFootprint.map(source, input, to: target, output)
    let (reach, lastReach) = (full.description.reach(), last.description.reach())
    func spread(_ span: ByteSpan?, _ lastSpan: ByteSpan?, _ layout: TensorLayout) -> ByteSpan {
      let step = blocks * layout.planeByteStride
      return (span ?? .none).repeated(groups - 1, every: step)
        .union((lastSpan ?? .none).shifted(by: (groups - 1) * step)).shifted(by: layout.originByteOffset)
    }
    footprint.reads[0].reach = spread(reach?.source, lastReach?.source, input)
    footprint.write?.reach = spread(reach?.output, lastReach?.output, output)
    footprint.own = [OwnAccess("divisors", of: area.byteCount, reach?.bias ?? .none)]
    return KernelStep(
      kernel: full.name, function: function, copying: step, footprint: footprint, items: groups,
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
