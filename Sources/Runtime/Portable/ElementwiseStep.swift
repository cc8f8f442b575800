import FixresIR

/// One operand, element by element, by the operation's own formula; an item is a channel block of an image. Runs in
/// place. Every engine computes such operations by this step.
struct ElementwiseStep: BitwiseCopyable {
  var source, target: Int
  var input, output: Strides
  var operation: UnsafePointer<any ElementwiseOp>

  static func step(
    _ operation: any ElementwiseOp, source: Int, target: Int, input: TensorLayout, output: TensorLayout
  ) -> KernelStep {
    precondition(input.block == output.block, "an element-wise step keeps the channel block")
    let reference = OperationReference(operation)
    let arguments = ElementwiseStep(
      source: source, target: target, input: Strides(input), output: Strides(output),
      operation: reference.address)
    return KernelStep(
      kernel: operation.asOp.mnemonic, function: function, copying: arguments,
      footprint: .map(source, input, to: target, output, inPlace: true), items: output.blockCount,
      resources: StepResources(operation: reference))
  }

  private static let function: StepFunction = { arguments, context, begin, end, _ in
    let step = UnsafePointer(arguments.assumingMemoryBound(to: ElementwiseStep.self))
    let context = RunContext.at(context)
    for item in begin..<end {
      step.pointee.block(
        context, item / step.pointee.output.blockCount, item % step.pointee.output.blockCount)
    }
  }

  private func block(_ context: RunContext, _ image: Int, _ block: Int) {
    let source = context.floats(self.source) + (image &* input.image &+ block &* input.plane &+ input.origin)
    let plane = context.floats(self.target) + (image &* output.image &+ block &* output.plane)
    let target = plane + output.origin
    let count = output.width &* output.block
    for y in 0..<output.height {
      operation.pointee.apply(source + y &* input.row, to: target + y &* output.row, count: count)
    }
    output.zeroBorder(plane)
  }
}
