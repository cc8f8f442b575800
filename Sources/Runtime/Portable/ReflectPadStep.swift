import FixresIR

/// Mirrored rows and columns around an image; an item is a channel block of an image.
struct ReflectPadStep: BitwiseCopyable {
  var source, target: Int
  var input, output: Strides
  var top, left: Int

  static func step(
    _ op: ReflectPad, source: Int, target: Int, input: TensorLayout, output: TensorLayout
  ) -> KernelStep {
    precondition(input.block == output.block, "a reflecting step keeps the channel block")
    let arguments = ReflectPadStep(
      source: source, target: target, input: Strides(input), output: Strides(output), top: op.padding.top,
      left: op.padding.left)
    return KernelStep(
      kernel: "reflect-pad", function: function, copying: arguments,
      footprint: .map(source, input, to: target, output), items: output.blockCount)
  }

  private static let function: StepFunction = { arguments, context, begin, end, _ in
    let step = arguments.load(as: ReflectPadStep.self)
    let context = RunContext.at(context)
    for item in begin..<end {
      step.block(context, item / step.output.blockCount, item % step.output.blockCount)
    }
  }

  private func block(_ context: RunContext, _ image: Int, _ block: Int) {
    let source =
      context.floats(self.source) + (image &* input.image &+ block &* input.plane &+ input.origin)
    let plane = context.floats(target) + (image &* output.image &+ block &* output.plane)
    output.zeroBorder(plane)
    for y in 0..<output.height {
      let row = source + ReflectPad.source(y &- top, of: input.height) &* input.row
      var pixel = plane + (output.origin &+ y &* output.row)
      for x in 0..<output.width {
        let from = row + ReflectPad.source(x &- left, of: input.width) &* input.block
        var lane = 0
        while lane < output.block {
          pixel.store(from.lanes(lane), at: lane)
          lane &+= 4
        }
        pixel += output.block
      }
    }
  }
}
