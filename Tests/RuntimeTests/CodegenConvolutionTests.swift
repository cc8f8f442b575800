#if arch(x86_64)
  import FixresAssembler
  import FixresBase
  import FixresRuntime
  import Testing

  /// Emitted convolutions against the sum that defines them, guard words around every buffer.
  @Suite struct CodegenConvolutionTests {
    static let levels: [VectorISA.Level] = VectorISA.Level.allCases.filter { level in
      (try? CPUFeatures.current.get())?.missing(for: level).isEmpty ?? false
    }

    struct Shape: CustomStringConvertible, Sendable {
      var inputs = 16
      var outputs = 16
      var height = 7
      var width = 7
      var kernel = 1
      var stride = 1
      var padding = 0
      var groups = 1
      var batch = 1
      var hasBias = true
      var hasResidual = false
      var hasReLU = false
      var borders = false
      var inputBlock: Int?
      /// Each side's own padding, in the place of `padding`.
      var sides: Border?
      /// Products of a part of a sum.
      var partRows = 128

      var paddings: Border {
        sides ?? Border(top: padding, left: padding, bottom: padding, right: padding)
      }
      var outputHeight: Int { (height + paddings.top + paddings.bottom - kernel) / stride + 1 }
      var outputWidth: Int { (width + paddings.left + paddings.right - kernel) / stride + 1 }

      var description: String {
        "\(inputs)->\(outputs) \(height)x\(width) k\(kernel) s\(stride) p\(padding) g\(groups) n\(batch)"
          + (partRows == 128 ? "" : " parts of \(partRows)")
          + (sides.map { " sides \($0.top) \($0.left) \($0.bottom) \($0.right)" } ?? "")
          + "\(hasBias ? " bias" : "")\(hasResidual ? " residual" : "")\(hasReLU ? " relu" : "")"
      }
    }

    static var grid: [Shape] { sizes + windows + groupsAndParts }

    private static var sizes: [Shape] {
      var shapes: [Shape] = []
      // Widths around every tile: a pixel less, exact, a pixel more, primes.
      for width in [1, 2, 3, 5, 6, 7, 8, 11, 13, 14, 15, 23, 29, 30, 31] {
        shapes.append(Shape(inputs: 32, outputs: 64, height: 3, width: width))
        shapes.append(
          Shape(inputs: 16, outputs: 32, height: 5, width: width, kernel: 3, padding: 1, hasReLU: true))
        shapes.append(
          Shape(inputs: 16, outputs: 16, height: 4, width: width, kernel: 3, stride: 2, padding: 1))
      }
      // Channels that are no multiple of the vector or of a group.
      for channels in [1, 3, 8, 15, 17, 31, 33, 48, 80, 100] {
        shapes.append(Shape(inputs: channels, outputs: 16, hasReLU: true))
        shapes.append(
          Shape(inputs: 16, outputs: channels, kernel: 3, padding: 1, hasResidual: true, hasReLU: true))
      }
      return shapes
    }

    private static var windows: [Shape] {
      var shapes: [Shape] = []
      // Kernels, strides, paddings.
      for (kernel, stride, padding) in [(1, 2, 0), (2, 2, 0), (3, 1, 0), (3, 3, 2), (5, 1, 2), (7, 2, 3)] {
        shapes.append(
          Shape(
            inputs: 16, outputs: 32, height: 9, width: 13, kernel: kernel, stride: stride, padding: padding,
            hasBias: false, hasResidual: kernel == 3, borders: true))
      }
      // Padding on each side alone, and on all of them unlike.
      for (top, left, bottom, right) in [
        (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1), (2, 0, 1, 3),
      ] {
        for stride in [1, 2] {
          let sides = Border(top: top, left: left, bottom: bottom, right: right)
          shapes.append(
            Shape(inputs: 16, outputs: 32, height: 8, width: 11, kernel: 3, stride: stride, sides: sides))
          shapes.append(
            Shape(
              inputs: 32, outputs: 32, height: 5, width: 9, kernel: 3, stride: stride, groups: 8,
              hasReLU: true,
              borders: true, sides: sides))
        }
      }
      return shapes
    }

    private static var groupsAndParts: [Shape] {
      var shapes: [Shape] = []
      // A stem reads interleaved channels.
      shapes.append(
        Shape(
          inputs: 3, outputs: 64, height: 23, width: 30, kernel: 7, stride: 2, padding: 3, hasReLU: true,
          inputBlock: 3))
      shapes.append(
        Shape(
          inputs: 3, outputs: 16, height: 9, width: 9, kernel: 3, stride: 1, padding: 1, batch: 2,
          inputBlock: 3))
      // Groups of every width, down to a channel.
      for (channels, groups) in [(32, 32), (32, 8), (64, 8), (64, 4), (128, 4), (24, 3), (128, 2)] {
        shapes.append(
          Shape(
            inputs: channels, outputs: channels, height: 6, width: 9, kernel: 3, padding: 1, groups: groups,
            batch: 2, hasReLU: true, borders: true))
      }
      shapes.append(
        Shape(inputs: 32, outputs: 64, height: 5, width: 5, kernel: 3, stride: 2, padding: 1, groups: 16))
      // Large weights: groups outside, prefetching.
      shapes.append(
        Shape(inputs: 512, outputs: 512, height: 7, width: 7, kernel: 3, padding: 1, batch: 2, hasReLU: true))
      shapes.append(Shape(inputs: 512, outputs: 1040, height: 2, width: 7, hasResidual: true, hasReLU: true))
      // Short parts of sums: between kernel rows, and between channel blocks.
      for (inputs, kernel, stride) in [
        (16, 3, 1), (64, 3, 1), (64, 3, 2), (100, 1, 1), (256, 1, 2), (32, 5, 1),
      ] {
        shapes.append(
          Shape(
            inputs: inputs, outputs: 48, height: 9, width: 7, kernel: kernel, stride: stride,
            padding: kernel / 2, batch: 2, hasResidual: true, hasReLU: true, borders: true, partRows: 32))
      }
      return shapes
    }

    @Test(.enabled(if: !levels.isEmpty, "this processor runs no emitted kernels"), arguments: grid)
    func matchesTheDefinition(_ shape: Shape) throws {
      for level in Self.levels {
        let problem = ConvolutionProblem(shape, block: VectorISA(level).lanes)
        var backend = try MachineCodeBackend(level)
        backend.allowsWinograd = false
        for items in [1, 3] { try problem.check(backend, itemsPerCall: items) }
      }
    }

    /// Parts of 32 products err less than one chain of them all, whether a part ends with a kernel row or a block.
    @Test(.enabled(if: !levels.isEmpty, "this processor runs no emitted kernels"), arguments: [1, 3])
    func shortPartsErrLess(kernel: Int) throws {
      for level in Self.levels {
        var backend = try MachineCodeBackend(level)
        backend.allowsWinograd = false
        func error(_ partRows: Int) throws -> Double {
          let shape = Shape(
            inputs: 512, outputs: 64, height: 6, width: 6, kernel: kernel, padding: kernel / 2,
            partRows: partRows)
          let problem = ConvolutionProblem(shape, block: VectorISA(level).lanes)
          let found = try problem.check(backend, itemsPerCall: 1)
          return zip(found, problem.expected).reduce(0) { $0 + Double(abs($1.0 - $1.1)) }
        }
        #expect(try error(32) < 0.7 * error(1 << 20), "\(level)")
      }
    }

    /// The direct kernels leave out the products with padding: NaN in the input's border reaches no sum.
    @Test(
      .enabled(if: !levels.isEmpty, "this processor runs no emitted kernels"),
      arguments: grid.filter { $0.groups == 1 && $0.inputBlock == nil })
    func noProductIsTakenWithPadding(_ shape: Shape) throws {
      for level in Self.levels {
        let problem = ConvolutionProblem(shape, block: VectorISA(level).lanes)
        var backend = try MachineCodeBackend(level)
        backend.allowsWinograd = false
        try problem.check(backend, itemsPerCall: 2, inputBorder: .nan)
      }
    }

    static var winogradGrid: [(Shape, WinogradScheme, Int, Bool)] {
      var cases: [(Shape, WinogradScheme, Int, Bool)] = []
      for size in [2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 14, 17, 23] {
        for scheme in [WinogradScheme.f2, .f4, .polyphase2] {
          cases.append(
            (
              Shape(
                inputs: 16, outputs: 64, height: size, width: 9, kernel: 3, stride: scheme.stride, padding: 1),
              scheme, 1, false
            ))
          cases.append(
            (
              Shape(
                inputs: 32, outputs: 48, height: 7, width: size, kernel: 3, stride: scheme.stride, padding: 1,
                batch: 2, hasResidual: true, hasReLU: true, borders: true), scheme, 3, false
            ))
          cases.append(
            (
              Shape(
                inputs: 24, outputs: 100, height: size, width: size, kernel: 3, stride: scheme.stride,
                padding: 1, batch: 3, hasBias: false, hasReLU: true, borders: true), scheme, 1, true
            ))
        }
      }
      cases.append(
        (Shape(inputs: 16, outputs: 16, height: 12, width: 12, kernel: 3, padding: 0), .f4, 2, false))
      for sides in [Border(top: 1), Border(left: 1), Border(bottom: 1), Border(top: 2, bottom: 1, right: 2)] {
        for (scheme, stride) in [(WinogradScheme.f2, 1), (.f4, 1), (.polyphase2, 2)] {
          cases.append(
            (
              Shape(inputs: 16, outputs: 32, height: 9, width: 8, kernel: 3, stride: stride, sides: sides),
              scheme,
              1, false
            ))
        }
      }
      cases.append((Shape(inputs: 16, outputs: 16, height: 9, width: 9, kernel: 3, padding: 2), .f4, 1, true))
      for padding in [0, 2] {
        cases.append(
          (
            Shape(inputs: 16, outputs: 16, height: 12, width: 15, kernel: 3, stride: 2, padding: padding),
            .polyphase2, 2, false
          ))
      }
      return cases
    }

    @Test(.enabled(if: !levels.isEmpty, "this processor runs no emitted kernels"), arguments: winogradGrid)
    func winogradMatchesTheDefinition(_ test: (Shape, WinogradScheme, Int, Bool)) throws {
      let (shape, scheme, rows, isReplicated) = test
      for level in Self.levels {
        let isa = VectorISA(level)
        let problem = ConvolutionProblem(shape, block: isa.lanes)
        var backend = try MachineCodeBackend(level)
        for blocks in level == .avx512 ? [4, 1] : [2, 1] {
          backend.forced = .winograd(
            WinogradTiling(scheme: scheme, blocks: blocks, rowsPerChunk: rows, isReplicated: isReplicated))
          for items in [1, 3] { try problem.check(backend, itemsPerCall: items) }
        }
      }
    }

    @Test(arguments: [VectorISA.Level.avx512, .avx2])
    func theAlgorithmDoesNotDependOnTheCaches(_ level: VectorISA.Level) {
      let isa = VectorISA(level)
      for (channels, size) in [(64, 28), (128, 14), (256, 14), (256, 7), (512, 7), (512, 5)] {
        for (stride, groups) in [(1, 1), (2, 1), (1, 4)] {
          let outSize = (size - 1) / stride + 1
          let descriptor = ConvolutionDescriptor(
            input: TensorLayout(
              channels: channels, height: size, width: size, block: isa.lanes,
              border: Border(top: 1, left: 1, bottom: 1, right: 1)),
            output: TensorLayout(channels: channels, height: outSize, width: outSize, block: isa.lanes),
            kernelHeight: 3, kernelWidth: 3, strideHeight: stride, strideWidth: stride, paddingTop: 1,
            paddingLeft: 1, groups: groups)
          // What decides the bits of a result.
          let orders = [0, 1 << 18, 1 << 19, 1 << 20, 1 << 22].map { l2ByteCount in
            var cpu = CPUFeatures()
            cpu.l2ByteCount = l2ByteCount
            switch ConvolutionAlgorithm.choose(descriptor, isa, cpu, allowsWinograd: true) {
            case .winograd(let tiling): return tiling.scheme.rawValue
            case .direct(let tiling): return groups > 1 ? "direct of \(tiling.blocks)" : "direct"
            }
          }
          #expect(Set(orders).count == 1, "\(channels)@\(size)/\(stride), \(groups) groups: \(orders)")
        }
      }
    }
  }

  /// A random convolution with its exact answer.
  struct ConvolutionProblem {
    let shape: CodegenConvolutionTests.Shape
    let descriptor: ConvolutionDescriptor
    let input: [Float]
    let weights: [Float]
    let bias: [Float]
    let residual: [Float]
    let expected: [Float]

    init(_ shape: CodegenConvolutionTests.Shape, block: Int) {
      self.shape = shape
      let (outHeight, outWidth) = (shape.outputHeight, shape.outputWidth)
      let border = shape.paddings
      let extra = shape.borders ? Border(top: 1, left: 2, bottom: 3, right: 1) : .none
      var descriptor = ConvolutionDescriptor(
        input: TensorLayout(
          channels: shape.inputs, height: shape.height, width: shape.width, block: shape.inputBlock ?? block,
          border: border.union(extra)),
        output: TensorLayout(
          channels: shape.outputs, height: outHeight, width: outWidth, block: block, border: extra),
        residual: shape.hasResidual
          ? TensorLayout(
            channels: shape.outputs, height: outHeight, width: outWidth, block: block,
            border: Border(top: 2, left: 1)) : nil,
        kernelHeight: shape.kernel, kernelWidth: shape.kernel, strideHeight: shape.stride,
        strideWidth: shape.stride, paddingTop: border.top, paddingLeft: border.left,
        groups: shape.groups,
        hasBias: shape.hasBias, hasReLU: shape.hasReLU)
      descriptor.partRows = shape.partRows
      self.descriptor = descriptor
      var random = SeededRandom(seed: 7)
      func draw(_ count: Int) -> [Float] { (0..<count).map { _ in Float(random.nextGaussian()) } }
      input = draw(shape.batch * shape.inputs * shape.height * shape.width)
      weights = draw(shape.outputs * (shape.inputs / shape.groups) * shape.kernel * shape.kernel)
      bias = draw(shape.outputs)
      residual = draw(shape.batch * shape.outputs * outHeight * outWidth)
      expected = Self.reference(
        shape, outHeight: outHeight, outWidth: outWidth, input: input, weights: weights, bias: bias,
        residual: residual)
    }

    static func reference(
      _ s: CodegenConvolutionTests.Shape, outHeight: Int, outWidth: Int, input: [Float], weights: [Float],
      bias: [Float], residual: [Float]
    ) -> [Float] {
      let (inputsPerGroup, outputsPerGroup) = (s.inputs / s.groups, s.outputs / s.groups)
      var result: [Float] = []
      result.reserveCapacity(s.batch * s.outputs * outHeight * outWidth)
      for n in 0..<s.batch {
        for o in 0..<s.outputs {
          for y in 0..<outHeight {
            for x in 0..<outWidth {
              var sum = s.hasBias ? Double(bias[o]) : 0
              for i in 0..<inputsPerGroup {
                let channel = o / outputsPerGroup * inputsPerGroup + i
                for ky in 0..<s.kernel {
                  let row = y * s.stride + ky - s.paddings.top
                  if row < 0 || row >= s.height { continue }
                  for kx in 0..<s.kernel {
                    let column = x * s.stride + kx - s.paddings.left
                    if column < 0 || column >= s.width { continue }
                    sum +=
                      Double(input[((n * s.inputs + channel) * s.height + row) * s.width + column])
                      * Double(weights[((o * inputsPerGroup + i) * s.kernel + ky) * s.kernel + kx])
                  }
                }
              }
              if s.hasResidual { sum += Double(residual[result.count]) }
              result.append(Float(s.hasReLU ? max(sum, 0) : sum))
            }
          }
        }
      }
      return result
    }

    /// The result, once found right and inside its memory.
    @discardableResult
    func check(
      _ backend: MachineCodeBackend, itemsPerCall: Int, tuned: String? = nil,
      chosenBy: KernelDecision? = nil, inputBorder: Float = 0
    ) throws -> [Float] {
      let buffers = ConvolutionBuffers(input: 0, output: 1, residual: shape.hasResidual ? 2 : nil)
      let step = try weights.withUnsafeBufferPointer { weights in
        try bias.withUnsafeBufferPointer { bias in
          try backend.convolution(
            descriptor, .init(weights: weights.baseAddress!, bias: shape.hasBias ? bias.baseAddress : nil),
            buffers, tuned: tuned)
        }
      }
      if let chosenBy { #expect(step.chosenBy == chosenBy, "\(tuned ?? "") for \(shape)") }
      let residualLayout = descriptor.residual ?? descriptor.output
      let guarded = [
        GuardedTensor(descriptor.input, batch: shape.batch),
        GuardedTensor(descriptor.output, batch: shape.batch),
        GuardedTensor(residualLayout, batch: shape.batch),
      ]
      guarded[0].fill(input, border: inputBorder)
      guarded[1].fill([], border: .nan)
      guarded[2].fill(residual, border: .nan)
      StepRunner.run(step, guarded, batch: shape.batch, itemsPerCall: itemsPerCall)
      for tensor in guarded { #expect(tensor.guardsAreIntact, "\(backend.name) \(shape) wrote outside") }
      let found = guarded[1].values()
      let scale = max(1, expected.map(abs).max() ?? 1)
      var worst: Float = 0
      for (a, b) in zip(found, expected) { worst = max(worst, a.isNaN ? .infinity : abs(a - b)) }
      #expect(worst <= 2e-5 * scale, "\(backend.name) \([step.kernel]) \(shape)")
      #expect(guarded[1].borderIsZero, "\(backend.name) \(shape) left its border")
      return found
    }
  }
#endif
