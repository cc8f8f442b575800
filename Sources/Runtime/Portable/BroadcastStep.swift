/// Combines each element with its channel's parameters or with a second value; an item is a channel block of an image.
/// Runs in place.
struct BroadcastStep: BitwiseCopyable {
  enum Operation: Int, BitwiseCopyable {
    /// `scale[c] * x + shift[c]`: batch norm.
    case channelAffine
    /// `x + y`
    case add
    /// `x * y`
    case multiply
    /// `x * y[c]`, y being one pixel.
    case channelMultiply
  }

  var operation: Operation
  var source, second, target: Int
  var input, other, output: Strides
  /// One float a channel, whole blocks.
  var scale, shift: UnsafePointer<Float>

  /// A step for `operation`; `second` is the other operand of all but `channelAffine`.
  static func step(
    _ operation: Operation, source: Int, target: Int, input: TensorLayout, output: TensorLayout,
    second: (buffer: Int, layout: TensorLayout)? = nil, scale: [Float] = [], shift: [Float] = []
  ) -> KernelStep {
    precondition(input.block == output.block, "an element-wise step keeps the channel block")
    let lanes = output.blockCount * output.block
    let (scales, shifts) = (AlignedBlock(count: lanes, of: .f32), AlignedBlock(count: lanes, of: .f32))
    for (index, value) in scale.enumerated() { scales.floats[index] = value }
    for (index, value) in shift.enumerated() { shifts.floats[index] = value }
    let arguments = BroadcastStep(
      operation: operation, source: source, second: second?.buffer ?? source, target: target,
      input: Strides(input), other: Strides(second?.layout ?? input), output: Strides(output),
      scale: scales.floats, shift: shifts.floats)
    var footprint = StepFootprint.map(source, input, to: target, output, inPlace: true)
    if let second {
      footprint.reads.append(MapAccess(second.buffer, second.layout, second.layout.pixels))
      // A gate of one pixel is read for every pixel: only a map of one pixel may take its place.
      footprint.inPlace.append(1)
    }
    return KernelStep(
      kernel: "\(operation)", function: function, copying: arguments, footprint: footprint,
      items: output.blockCount,
      resources: StepResources(blocks: [scales, shifts]))
  }

  private static let function: StepFunction = { arguments, context, begin, end, _ in
    let step = arguments.load(as: BroadcastStep.self)
    let context = RunContext.at(context)
    for item in begin..<end {
      step.block(context, item / step.output.blockCount, item % step.output.blockCount)
    }
  }

  private func block(_ context: RunContext, _ image: Int, _ block: Int) {
    let source = context.floats(self.source) + (image &* input.image &+ block &* input.plane &+ input.origin)
    let second = context.floats(self.second) + (image &* other.image &+ block &* other.plane &+ other.origin)
    let plane = context.floats(self.target) + (image &* output.image &+ block &* output.plane)
    let target = plane + output.origin
    let count = output.width &* output.block
    for y in 0..<output.height {
      let (x, z) = (source + y &* input.row, target + y &* output.row)
      row(UnsafePointer(x), UnsafePointer(second), y: y, to: z, count: count, channel: block &* output.block)
    }
    output.zeroBorder(plane)
  }

  @inline(__always)
  private func row(
    _ x: UnsafePointer<Float>, _ second: UnsafePointer<Float>, y: Int, to z: UnsafeMutablePointer<Float>,
    count: Int, channel: Int
  ) {
    switch operation {
    case .channelAffine:
      each(x, to: z, count: count) { value, lane in
        shift.lanes(channel &+ lane).adding(value, times: scale.lanes(channel &+ lane))
      }
    case .add:
      let line = second + y &* other.row
      var index = 0
      while index < count {
        z.store(x.lanes(index) + line.lanes(index), at: index)
        index &+= 4
      }
    case .multiply:
      let line = second + y &* other.row
      var index = 0
      while index < count {
        z.store(x.lanes(index) * line.lanes(index), at: index)
        index &+= 4
      }
    case .channelMultiply: each(x, to: z, count: count) { value, lane in value * second.lanes(lane) }
    }
  }

  /// `body` on every 4 floats of a row and their index in the channel block.
  @inline(__always)
  private func each(
    _ x: UnsafePointer<Float>, to z: UnsafeMutablePointer<Float>, count: Int,
    _ body: (Lanes, Int) -> Lanes
  ) {
    var lane = 0
    while lane < output.block {
      var index = lane
      while index < count {
        z.store(body(x.lanes(index), lane), at: index)
        index &+= output.block
      }
      lane &+= 4
    }
  }
}
