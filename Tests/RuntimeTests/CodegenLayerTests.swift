#if arch(x86_64)
  import FixresBase
  import FixresRuntime
  import Testing

  /// Emitted pooling and classifiers against the portable kernels, guard words around every buffer.
  @Suite struct CodegenLayerTests {
    static let levels = CodegenConvolutionTests.levels

    static var windows: [PoolingDescriptor] {
      var descriptors: [PoolingDescriptor] = []
      for (kernel, stride, before, after) in [
        (3, 2, 1, 1), (2, 2, 0, 0), (3, 1, 1, 1), (5, 3, 2, 1), (1, 1, 0, 0),
      ] {
        for width in [1, 2, 3, 5, 8, 9, 13, 17, 32] where width + before + after >= kernel {
          for (isMaximum, countsPadding) in [(true, false), (false, false), (false, true)] {
            let height = max(width - 1, kernel)
            descriptors.append(
              PoolingDescriptor(
                input: TensorLayout(
                  channels: 20, height: height, width: width, block: 16, border: Border(left: 1)),
                output: TensorLayout(
                  channels: 20, height: (height + before + after - kernel) / stride + 1,
                  width: (width + before + after - kernel) / stride + 1, block: 16,
                  border: Border(top: 1, bottom: 2)),
                kernelHeight: kernel, kernelWidth: kernel, strideHeight: stride, strideWidth: stride,
                padding: Border(top: before, left: before, bottom: after, right: after), isMaximum: isMaximum,
                countsPadding: countsPadding))
          }
        }
      }
      return descriptors
    }

    @Test(.enabled(if: !levels.isEmpty, "this processor runs no emitted kernels"), arguments: windows)
    func poolingEqualsThePortableKernel(_ descriptor: PoolingDescriptor) throws {
      for level in Self.levels {
        let backend = try MachineCodeBackend(level)
        var d = descriptor
        (d.input.block, d.output.block) = (backend.block, backend.block)
        let step = try backend.pooling(d, source: 0, target: 1)
        let portable = PortableKernels(block: backend.block).pooling(d, source: 0, target: 1)
        compare(step, portable, input: d.input, output: d.output, batch: 2)
      }
    }

    @Test(
      .enabled(if: !levels.isEmpty, "this processor runs no emitted kernels"),
      arguments: [(1, 1, 1), (20, 7, 7), (64, 3, 5), (100, 12, 1)])
    func globalPoolingEqualsThePortableKernel(_ shape: (Int, Int, Int)) throws {
      for level in Self.levels {
        let backend = try MachineCodeBackend(level)
        for isMaximum in [true, false] {
          let d = GlobalPoolingDescriptor(
            input: TensorLayout(
              channels: shape.0, height: shape.1, width: shape.2, block: backend.block,
              border: Border(top: 1, right: 1)),
            output: TensorLayout(channels: shape.0, height: 1, width: 1, block: backend.block),
            isMaximum: isMaximum)
          let step = try backend.globalPooling(d, source: 0, target: 1)
          let portable = PortableKernels(block: backend.block).globalPooling(d, source: 0, target: 1)
          compare(step, portable, input: d.input, output: d.output, batch: 3)
        }
      }
    }

    @Test(
      .enabled(if: !levels.isEmpty, "this processor runs no emitted kernels"),
      arguments: [(1, 1, 1), (16, 10, 2), (40, 100, 8), (512, 1000, 3), (33, 65, 17)])
    func linearMatchesTheDefinition(_ shape: (Int, Int, Int)) throws {
      let (features, outputs, batch) = shape
      var random = SeededRandom(seed: 11)
      let weights = (0..<(features * outputs)).map { _ in Float(random.nextGaussian()) }
      let bias = (0..<outputs).map { _ in Float(random.nextGaussian()) }
      for level in Self.levels {
        let backend = try MachineCodeBackend(level)
        let d = LinearDescriptor(
          input: TensorLayout(channels: features, height: 1, width: 1, block: backend.block),
          output: TensorLayout(channels: outputs, height: 1, width: 1, block: backend.block))
        let step = try weights.withUnsafeBufferPointer { weights in
          try bias.withUnsafeBufferPointer { bias in
            try backend.linear(
              d, .init(weights: weights.baseAddress!, bias: bias.baseAddress!), source: 0, target: 1)
          }
        }
        let input = (0..<(features * batch)).map { _ in Float(random.nextGaussian()) }
        let found = run(step, d.input, d.output, values: input, batch: batch)
        for image in 0..<batch {
          for output in 0..<outputs {
            var sum = Double(bias[output])
            for feature in 0..<features {
              sum += Double(weights[output * features + feature]) * Double(input[image * features + feature])
            }
            #expect(abs(Double(found[image * outputs + output]) - sum) < 2e-5 * max(1, abs(sum)) * 8)
          }
        }
      }
    }

    private func run(
      _ step: KernelStep, _ input: TensorLayout, _ output: TensorLayout, values: [Float], batch: Int
    ) -> [Float] {
      let tensors = [GuardedTensor(input, batch: batch), GuardedTensor(output, batch: batch)]
      tensors[0].fill(values, border: .nan)
      tensors[1].fill([], border: .nan)
      StepRunner.run(step, tensors, batch: batch, itemsPerCall: 2)
      let intact = tensors.allSatisfy { $0.guardsAreIntact }
      #expect(intact, "\(step.kernel) wrote outside")
      #expect(tensors[1].borderIsZero, "\(step.kernel) left its border")
      return tensors[1].values()
    }

    /// Equal values, NaN where NaN, and nothing outside touched.
    private func compare(
      _ step: KernelStep, _ other: KernelStep, input: TensorLayout, output: TensorLayout, batch: Int
    ) {
      var random = SeededRandom(seed: 5)
      let count = batch * input.channels * input.height * input.width
      let values = (0..<count).map { index in
        index % 97 == 5 ? Float.nan : Float(random.nextGaussian())
      }
      let found = run(step, input, output, values: values, batch: batch)
      let expected = run(other, input, output, values: values, batch: batch)
      #expect(found.count == expected.count && !found.isEmpty)
      for (a, b) in zip(found, expected) {
        #expect(a.isNaN ? b.isNaN : abs(a - b) <= 1e-5 * max(1, abs(b)), "\(step.kernel)")
      }
    }
  }
#endif
