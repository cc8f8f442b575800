/// Channels of several values one after the other; an item is a channel block of an image of the result.
struct ConcatStep: BitwiseCopyable {
  /// Where the channels from `firstChannel` on come from.
  struct Source: BitwiseCopyable {
    var buffer: Int
    var firstChannel: Int
    var layout: Strides
  }

  var sources: UnsafePointer<Source>
  var sourceCount: Int
  var target: Int
  var output: Strides

  static func step(
    _ sources: [(buffer: Int, layout: TensorLayout)], target: Int, output: TensorLayout
  ) -> KernelStep {
    let table = AlignedBlock(byteCount: sources.count * MemoryLayout<Source>.stride)
    let entries = table.base.bindMemory(to: Source.self, capacity: sources.count)
    var channel = 0
    for (index, source) in sources.enumerated() {
      entries[index] = Source(
        buffer: source.buffer, firstChannel: channel, layout: Strides(source.layout))
      channel += source.layout.channels
    }
    let arguments = ConcatStep(
      sources: entries, sourceCount: sources.count, target: target, output: Strides(output))
    let footprint = StepFootprint(
      reads: sources.map { MapAccess($0.buffer, $0.layout, $0.layout.pixels) },
      write: MapAccess(target, output, output.borderedPixels))
    return KernelStep(
      kernel: "concat", function: function, copying: arguments, footprint: footprint,
      items: output.blockCount,
      resources: StepResources(blocks: [table]))
  }

  private static let function: StepFunction = { arguments, context, begin, end, _ in
    let step = arguments.load(as: ConcatStep.self)
    let context = RunContext.at(context)
    for item in begin..<end {
      step.block(context, item / step.output.blockCount, item % step.output.blockCount)
    }
  }

  private func block(_ context: RunContext, _ image: Int, _ block: Int) {
    let plane = context.floats(target) + (image &* output.image &+ block &* output.plane)
    output.zeroBorder(plane)
    var index = source(of: block &* output.block)
    for lane in 0..<output.block {
      let channel = block &* output.block &+ lane
      let first = plane + (output.origin &+ lane)
      guard channel < output.channels else {
        fill(first) { _, _ in 0 }
        continue
      }
      while index &+ 1 < sourceCount, sources[index &+ 1].firstChannel <= channel { index &+= 1 }
      let (source, from) = (sources[index].layout, channel &- sources[index].firstChannel)
      let start =
        context.floats(sources[index].buffer)
        + (image &* source.image &+ source.origin &+ from / source.block &* source.plane
          &+ from % source.block)
      fill(first) { y, x in start[y &* source.row &+ x &* source.block] }
    }
  }

  /// Index of the source that gives `channel`.
  private func source(of channel: Int) -> Int {
    var (low, high) = (0, sourceCount)
    while high &- low > 1 {
      let middle = (low &+ high) / 2
      if sources[middle].firstChannel <= channel { low = middle } else { high = middle }
    }
    return low
  }

  /// Writes one channel, from its first pixel on.
  @inline(__always)
  private func fill(_ first: UnsafeMutablePointer<Float>, _ value: (Int, Int) -> Float) {
    for y in 0..<output.height {
      for x in 0..<output.width { first[y &* output.row &+ x &* output.block] = value(y, x) }
    }
  }
}
