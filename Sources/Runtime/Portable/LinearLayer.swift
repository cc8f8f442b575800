import FixresBase

/// `x W^T + b`; an item is 32 outputs of the whole batch, so that its weights are read once.
struct LinearLayer: BitwiseCopyable {
  var source, target: Int
  var input, output: Strides
  /// `[group][feature][32]`
  var weights: UnsafePointer<Float>
  var bias: UnsafePointer<Float>

  /// Outputs of an item: 8 accumulators, enough to hide the latency of an addition.
  private static let groupWidth = 32
  /// Features summed before the sum joins the total; keeps the error of long sums down.
  private static let chunk = 256

  static func step(
    source: Int, target: Int, input: TensorLayout, output: TensorLayout, _ parameters: LayerParameters
  ) -> KernelStep {
    let (features, outputs) = (input.channels, output.channels)
    let groups = (outputs + groupWidth - 1) / groupWidth
    let packed = AlignedBlock(count: groups * features * groupWidth, of: .f32)
    let bias = AlignedBlock(count: groups * groupWidth, of: .f32)
    for index in 0..<outputs {
      let group = packed.floats + index / groupWidth * features * groupWidth + index % groupWidth
      let row = parameters.weights + index * features
      for feature in 0..<features { group[feature * groupWidth] = row[feature] }
    }
    if let source = parameters.bias { bias.floats.update(from: source, count: outputs) }
    let arguments = LinearLayer(
      source: source, target: target, input: Strides(input), output: Strides(output),
      weights: packed.floats, bias: bias.floats)
    return KernelStep(
      kernel: "linear-1x32", function: function, copying: arguments,
      footprint: .vector(source, input, to: target, output), items: groups, itemsCoverBatch: true,
      resources: StepResources(blocks: [packed, bias]))
  }

  /// Bytes of the packed weights.
  static func packedByteCount(_ descriptor: LinearDescriptor) -> Int {
    let outputs = (descriptor.output.channels + groupWidth - 1) / groupWidth * groupWidth
    return outputs.multipliedSaturated(descriptor.input.channels).multipliedSaturated(4)
  }

  private static let function: StepFunction = { arguments, context, begin, end, _ in
    let step = arguments.load(as: LinearLayer.self)
    let context = RunContext.at(context)
    for group in begin..<end {
      for image in 0..<context.batch { step.group(context, image, group) }
    }
  }

  private func group(_ context: RunContext, _ image: Int, _ group: Int) {
    let x = UnsafePointer(context.floats(source) + image &* input.image)
    let first = group &* Self.groupWidth
    let z = context.floats(target) + (image &* output.image &+ first)
    var weights = self.weights + first &* input.channels
    let zero = Lanes(repeating: 0)
    var total = (zero, zero, zero, zero, zero, zero, zero, zero)
    var start = 0
    while start < input.channels {
      let end = min(start &+ Self.chunk, input.channels)
      var (a0, a1, a2, a3) = (zero, zero, zero, zero)
      var (a4, a5, a6, a7) = (zero, zero, zero, zero)
      for feature in start..<end {
        let value = Lanes(repeating: x[feature])
        a0 = a0.adding(value, times: weights.lanes(0))
        a1 = a1.adding(value, times: weights.lanes(4))
        a2 = a2.adding(value, times: weights.lanes(8))
        a3 = a3.adding(value, times: weights.lanes(12))
        a4 = a4.adding(value, times: weights.lanes(16))
        a5 = a5.adding(value, times: weights.lanes(20))
        a6 = a6.adding(value, times: weights.lanes(24))
        a7 = a7.adding(value, times: weights.lanes(28))
        weights += Self.groupWidth
      }
      total = (
        total.0 + a0, total.1 + a1, total.2 + a2, total.3 + a3, total.4 + a4, total.5 + a5, total.6 + a6,
        total.7 + a7
      )
      start = end
    }
    let bias = self.bias + first
    // The output's last block may end before the group's 32 channels do.
    let room = output.blockCount &* output.block &- first
    z.store(total.0 + bias.lanes(0), at: 0)
    z.store(total.1 + bias.lanes(4), at: 4)
    guard room > 8 else { return }
    z.store(total.2 + bias.lanes(8), at: 8)
    z.store(total.3 + bias.lanes(12), at: 12)
    guard room > 16 else { return }
    z.store(total.4 + bias.lanes(16), at: 16)
    z.store(total.5 + bias.lanes(20), at: 20)
    guard room > 24 else { return }
    z.store(total.6 + bias.lanes(24), at: 24)
    z.store(total.7 + bias.lanes(28), at: 28)
  }
}
