#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Probabilities from logits, or their logarithms; an item is an image.
struct SoftmaxStep: BitwiseCopyable {
  var source, target: Int
  var input, output: Strides
  var isLogarithm: Bool

  static func step(
    source: Int, target: Int, input: TensorLayout, output: TensorLayout, isLogarithm: Bool
  ) -> KernelStep {
    KernelStep(
      kernel: isLogarithm ? "log-softmax" : "softmax", function: function,
      copying: SoftmaxStep(
        source: source, target: target, input: Strides(input), output: Strides(output),
        isLogarithm: isLogarithm), footprint: .vector(source, input, to: target, output), items: 1)
  }

  private static let function: StepFunction = { arguments, context, begin, end, _ in
    let step = arguments.load(as: SoftmaxStep.self)
    let context = RunContext.at(context)
    for image in begin..<end {
      let x = context.floats(step.source) + image &* step.input.image
      let z = context.floats(step.target) + image &* step.output.image
      var peak = -Float.infinity
      for index in 0..<step.input.channels where x[index] > peak { peak = x[index] }
      var total = 0.0
      for index in 0..<step.input.channels {
        let power = exp(Double(x[index] - peak))
        z[index] = Float(power)
        total += power
      }
      if step.isLogarithm {
        let logarithm = log(total)
        for index in 0..<step.input.channels { z[index] = Float(Double(x[index] - peak) - logarithm) }
      } else {
        for index in 0..<step.input.channels { z[index] = Float(Double(z[index]) / total) }
      }
      Strides.zero(z + step.input.channels, step.output.image &- step.input.channels)
    }
  }
}
