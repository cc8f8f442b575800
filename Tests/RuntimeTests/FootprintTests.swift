import FixresAssembler
import FixresBase
import FixresIR
import FixresRuntime
import Testing

/// What steps say that they touch, beside what they do touch.
@Suite struct FootprintTests {
  private static let sentinel: Float = -12345.678

  private static func backends() throws -> [any Backend] {
    try InstructionSet.available.map { try InstructionSet.choose(requested: $0).backend }
  }

  /// Runs `step`, which reads `input` and writes `output`; everything outside the pixels that it says it reads is a NaN.
  private static func check(_ step: KernelStep, _ input: TensorLayout, _ output: TensorLayout, what: String) {
    let (source, target) = (GuardedTensor(input, batch: 2), GuardedTensor(output, batch: 2))
    source.fill([], border: .nan)
    let box = step.footprint.reads[0].box
    for n in 0..<2 {
      for block in 0..<input.blockCount {
        for y in -input.border.top..<input.height + input.border.bottom {
          for x in -input.border.left..<input.width + input.border.right {
            let isRead = box.rows.contains(y) && box.columns.contains(x)
            for lane in 0..<input.block {
              source.floats[
                n * input.imageStride + input.origin + block * input.planeStride + y * input.rowStride
                  + x * input.block + lane] = isRead ? Float((x + y + lane) % 5) : .nan
            }
          }
        }
      }
    }
    for index in 0..<target.count { target.floats[index] = sentinel }
    StepRunner.run(step, [source, target], batch: 2, itemsPerCall: 1)
    #expect(source.guardsAreIntact && target.guardsAreIntact, "\(what)")
    let written = step.footprint.write?.box
    #expect(written == output.borderedPixels, "\(what)")
    for n in 0..<2 {
      for index in 0..<output.blockCount * output.planeStride {
        let value = target.floats[n * output.imageStride + index]
        guard value != sentinel, value.isFinite else {
          Issue.record("\(what): float \(index) of image \(n) is \(value)")
          return
        }
      }
    }
  }

  @Test func convolutionsReadAndWriteWhatTheySay() throws {
    let cases = [
      (1, 1, 1, 0, 20, 40), (3, 1, 1, 1, 16, 64), (3, 2, 1, 1, 40, 33), (3, 2, 1, 0, 8, 16),
      (7, 2, 1, 3, 3, 64),
      (3, 1, 8, 1, 32, 32), (3, 2, 8, 1, 32, 32), (5, 1, 1, 2, 24, 24), (1, 2, 1, 0, 17, 5),
    ]
    for backend in try Self.backends() {
      for (kernel, stride, groups, padding, inputs, outputs) in cases {
        for side in [7, 12] {
          let size = (side + 2 * padding - kernel) / stride + 1
          let block = inputs <= 4 ? inputs : backend.block
          let after = max(0, (size - 1) * stride + kernel - padding - side)
          let border = Border(top: padding, left: padding, bottom: after, right: after)
          let input = TensorLayout(channels: inputs, height: side, width: side, block: block, border: border)
          let output = TensorLayout(
            channels: outputs, height: size, width: size, block: backend.block,
            border: Border(top: 1, left: 2, bottom: 0, right: 1))
          let descriptor = ConvolutionDescriptor(
            input: input, output: output, kernelHeight: kernel, kernelWidth: kernel, strideHeight: stride,
            strideWidth: stride, paddingTop: padding, paddingLeft: padding, groups: groups)
          let weights = [Float](repeating: 0.5, count: outputs * inputs / groups * kernel * kernel)
          try weights.withUnsafeBufferPointer { weights in
            let parameters = LayerParameters(weights: try #require(weights.baseAddress), bias: nil)
            let step = try backend.convolution(
              descriptor, parameters, ConvolutionBuffers(input: 0, output: 1), tuned: nil)
            Self.check(
              step, input, output,
              what: "\(backend.name) \(step.kernel) \(inputs)->\(outputs) g\(groups) of \(side)")
          }
        }
      }
    }
  }

  @Test func poolsReadAndWriteWhatTheySay() throws {
    for backend in try Self.backends() {
      for (kernel, stride, padding) in [(3, 2, 1), (2, 2, 0), (3, 1, 1), (5, 3, 2)] {
        for isMaximum in [true, false] {
          let input = TensorLayout(
            channels: 20, height: 11, width: 13, block: backend.block, border: Border(all: 1))
          let size = ((11 + 2 * padding - kernel) / stride + 1, (13 + 2 * padding - kernel) / stride + 1)
          let output = TensorLayout(
            channels: 20, height: size.0, width: size.1, block: backend.block, border: Border(all: 2))
          let step = try backend.pooling(
            PoolingDescriptor(
              input: input, output: output, kernelHeight: kernel, kernelWidth: kernel, strideHeight: stride,
              strideWidth: stride, padding: Border(all: padding), isMaximum: isMaximum), source: 0, target: 1)
          Self.check(step, input, output, what: "\(backend.name) \(step.kernel) \(kernel)s\(stride)")
        }
      }
      let input = TensorLayout(
        channels: 70, height: 5, width: 6, block: backend.block, border: Border(all: 1))
      let output = TensorLayout(
        channels: 70, height: 1, width: 1, block: backend.block, border: Border(all: 1))
      let global = try backend.globalPooling(
        GlobalPoolingDescriptor(input: input, output: output, isMaximum: false), source: 0, target: 1)
      Self.check(global, input, output, what: "\(backend.name) \(global.kernel)")
    }
  }
}
