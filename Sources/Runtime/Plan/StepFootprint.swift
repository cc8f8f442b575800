import FixresBase

/// A map in a buffer of the plan, and what a step touches of it in each image.
package struct MapAccess: Hashable, Sendable {
  /// Index into `RunContext.buffers`.
  package var buffer: Int
  package var layout: TensorLayout
  package var box: MapBox
  /// The bytes that emitted code reaches, from the start of the image; nil where the box says all.
  package var reach: ByteSpan?

  package init(_ buffer: Int, _ layout: TensorLayout, _ box: MapBox) {
    (self.buffer, self.layout, self.box) = (buffer, layout, box)
  }
}

/// What a step touches of the caller's own memory, row-major floats of one image after the other.
package struct CallerAccess: Hashable, Sendable {
  /// Index into `RunContext.buffers`.
  package var buffer: Int
  /// Bytes of an image.
  package var imageByteCount: Int
  package var span: ByteSpan

  /// All floats of a map of `layout`.
  package init(_ buffer: Int, floatsOf layout: TensorLayout) {
    self.buffer = buffer
    let count = Int.checkedProduct([layout.channels, layout.height, layout.width, 4])
    imageByteCount = count ?? .max
    span = ByteSpan(0, imageByteCount)
  }
}

/// What a step touches of memory that it brings along, or of a thread's scratch memory.
package struct OwnAccess: Hashable, Sendable {
  /// What the memory holds, such as `weights`.
  package var name: String
  package var byteCount: Int
  package var span: ByteSpan

  package init(_ name: String, of byteCount: Int, _ span: ByteSpan) {
    (self.name, self.byteCount, self.span) = (name, byteCount, span)
  }

  /// All of it.
  package init(_ name: String, of byteCount: Int) {
    self.init(name, of: byteCount, ByteSpan(0, byteCount))
  }
}

/// All memory that a step touches, for each image of a batch: what the plan checker replays.
///
/// No step can be made without one. It is derived from what the step's function itself gets: layouts, descriptors, and
/// the reach of emitted kernels.
package struct StepFootprint: Hashable, Sendable {
  /// Maps read, in the order of the node's operands of a batch.
  package var reads: [MapAccess]
  /// The map written; nil for a step that writes to the caller's memory.
  package var write: MapAccess?
  /// Indices of `reads` that may lie in the very place of `write`: an element is read before, and by the same item that,
  /// writes it.
  package var inPlace: [Int]
  package var caller: CallerAccess?
  package var own: [OwnAccess]

  package init(
    reads: [MapAccess], write: MapAccess?, inPlace: [Int] = [], caller: CallerAccess? = nil,
    own: [OwnAccess] = []
  ) {
    (self.reads, self.write, self.inPlace) = (reads, write, inPlace)
    (self.caller, self.own) = (caller, own)
  }

  /// Of a step that fills memory of its plan's own, such as packed weights.
  package static func own(_ accesses: [OwnAccess]) -> StepFootprint {
    StepFootprint(reads: [], write: nil, own: accesses)
  }
}

extension StepFootprint {
  /// A step that reads one map, not its border, and writes another, border included.
  package static func map(
    _ source: Int, _ input: TensorLayout, to target: Int, _ output: TensorLayout, inPlace: Bool = false
  ) -> StepFootprint {
    StepFootprint(
      reads: [MapAccess(source, input, input.pixels)],
      write: MapAccess(target, output, output.borderedPixels), inPlace: inPlace ? [0] : [])
  }

  /// A step that takes rows for vectors without a border, whatever their layouts say: one that has a border is then not
  /// the layout that the row was written in, and the plan is refused.
  package static func vector(
    _ source: Int, _ input: TensorLayout, to target: Int, _ output: TensorLayout
  ) -> StepFootprint {
    func vector(_ layout: TensorLayout) -> TensorLayout {
      TensorLayout(
        channels: layout.channels, height: 1, width: 1, block: layout.block, format: layout.format)
    }
    return .map(source, vector(input), to: target, vector(output))
  }

  /// Copies the caller's pictures into a layout.
  package static func load(_ layout: TensorLayout, from source: Int, to target: Int) -> StepFootprint {
    StepFootprint(
      reads: [], write: MapAccess(target, layout, layout.borderedPixels),
      caller: CallerAccess(source, floatsOf: layout))
  }

  /// Copies a map to the caller's memory.
  package static func store(_ layout: TensorLayout, from source: Int, to target: Int) -> StepFootprint {
    StepFootprint(
      reads: [MapAccess(source, layout, layout.pixels)], write: nil,
      caller: CallerAccess(target, floatsOf: layout))
  }

  /// A convolution that reads all its taps, those in the padding too; its residual, read where it is written.
  package static func convolution(
    _ descriptor: ConvolutionDescriptor, _ buffers: ConvolutionBuffers
  ) -> StepFootprint {
    let (input, output) = (descriptor.input, descriptor.output)
    func taps(_ count: Int, _ stride: Int, _ kernel: Int, _ dilation: Int, _ before: Int) -> Range<Int> {
      -before..<max((count - 1) * stride + (kernel - 1) * dilation + 1 - before, -before)
    }
    let box = MapBox(
      blocks: 0..<input.blockCount,
      rows: taps(
        output.height, descriptor.strideHeight, descriptor.kernelHeight, descriptor.dilationHeight,
        descriptor.paddingTop),
      columns: taps(
        output.width, descriptor.strideWidth, descriptor.kernelWidth, descriptor.dilationWidth,
        descriptor.paddingLeft))
    var reads = [MapAccess(buffers.input, input, box)]
    if let residual = buffers.residual {
      reads.append(MapAccess(residual, descriptor.residual ?? output, output.pixels))
    }
    return StepFootprint(
      reads: reads, write: MapAccess(buffers.output, output, output.borderedPixels), inPlace: [1])
  }
}
