import FixresIR

/// The generalized mean of each channel's map, in double; an item is a channel block of an image.
struct GeneralizedMeanStep: BitwiseCopyable {
  var source, target: Int
  var input, output: Strides
  var exponent, epsilon: Double

  static func step(
    _ op: GeneralizedMeanPool, source: Int, target: Int, input: TensorLayout, output: TensorLayout
  ) -> KernelStep {
    precondition(input.block == output.block, "a pool keeps the channel block")
    let arguments = GeneralizedMeanStep(
      source: source, target: target, input: Strides(input), output: Strides(output), exponent: op.exponent,
      epsilon: op.epsilon)
    return KernelStep(
      kernel: "generalized-mean", function: function, copying: arguments,
      footprint: .map(source, input, to: target, output), items: output.blockCount)
  }

  private static let function: StepFunction = { arguments, context, begin, end, _ in
    let step = arguments.load(as: GeneralizedMeanStep.self)
    let context = RunContext.at(context)
    for item in begin..<end {
      step.block(context, item / step.output.blockCount, item % step.output.blockCount)
    }
  }

  private func block(_ context: RunContext, _ image: Int, _ block: Int) {
    let op = GeneralizedMeanPool(exponent: exponent, epsilon: epsilon)
    let source =
      context.floats(self.source) + (image &* input.image &+ block &* input.plane &+ input.origin)
    let plane = context.floats(target) + (image &* output.image &+ block &* output.plane)
    output.zeroBorder(plane)
    for lane in 0..<output.block {
      guard block &* output.block &+ lane < output.channels else {
        plane[output.origin &+ lane] = 0
        continue
      }
      var sum = 0.0
      for y in 0..<input.height {
        let row = source + (y &* input.row &+ lane)
        for x in 0..<input.width { sum += op.term(row[x &* input.block]) }
      }
      plane[output.origin &+ lane] = op.root(sum / Double(input.height &* input.width))
    }
  }
}
