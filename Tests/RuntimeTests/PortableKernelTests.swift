import FixresBase
import FixresIR
import FixresRuntime
import Testing

/// The portable kernels against the reference, guard words around every buffer.
@Suite struct PortableKernelTests {
  struct Shape: CustomStringConvertible, Sendable {
    var inputs = 8
    var outputs = 16
    var height = 5
    var width = 7
    var kernel = Extent(1, 1)
    var strides = Extent(1, 1)
    var padding = Padding.zero
    var groups = 1
    var batch = 1
    var hasBias = true
    var hasResidual = false
    var hasReLU = false
    var inputBlock: Int?
    var block = 8

    var description: String {
      "\(inputs)->\(outputs) \(height)x\(width) k\(kernel) s\(strides) p\(padding.sides) g\(groups) "
        + "n\(batch) block \(inputBlock ?? block)/\(block)"
    }
  }

  static var grid: [Shape] {
    var shapes: [Shape] = []
    for width in [1, 2, 3, 5, 7, 11, 16] {  // a tile is 2 pixels
      for height in [1, 2, 3] {
        shapes.append(Shape(inputs: 16, outputs: 16, height: height, width: width, hasReLU: true))
      }
      shapes.append(Shape(outputs: 24, width: width, kernel: Extent(3, 3), padding: Padding(1), batch: 3))
    }
    for channels in [1, 3, 7, 8, 9, 15, 16, 17, 31, 40] {
      shapes.append(Shape(inputs: channels, hasResidual: true, hasReLU: true))
      shapes.append(Shape(outputs: channels, kernel: Extent(3, 3), padding: Padding(1), hasResidual: true))
      shapes.append(Shape(inputs: channels, outputs: channels, hasBias: false, block: 16))
    }
    for side in 0..<4 {
      var sides = [0, 0, 0, 0]
      sides[side] = 2
      let padding = Padding(top: sides[0], left: sides[1], bottom: sides[2], right: sides[3])
      for strides in [Extent(1, 1), Extent(2, 1), Extent(3, 2)] {
        shapes.append(
          Shape(height: 6, width: 9, kernel: Extent(3, 2), strides: strides, padding: padding, batch: 2))
      }
    }
    for (channels, groups) in [(32, 32), (32, 8), (32, 4), (64, 2), (24, 3), (12, 4), (6, 2), (48, 3)] {
      for block in [8, 16] {
        shapes.append(
          Shape(
            inputs: channels, outputs: channels, kernel: Extent(3, 3), padding: Padding(1), groups: groups,
            hasReLU: true, block: block))
        shapes.append(Shape(inputs: channels, outputs: channels * 2, groups: groups, block: block))
      }
    }
    for (kernel, stride) in [(7, 2), (3, 2), (3, 1)] {  // stems
      shapes.append(
        Shape(
          inputs: 3, outputs: 64, height: 13, width: 17, kernel: Extent(square: kernel),
          strides: Extent(square: stride), padding: Padding(kernel / 2), batch: 2, hasReLU: true,
          inputBlock: 3))
    }
    shapes.append(
      Shape(
        inputs: 520, outputs: 16, height: 3, width: 3, kernel: Extent(3, 3), padding: Padding(1),
        hasReLU: true))
    return shapes
  }

  @Test(arguments: grid)
  func convolutionMatchesTheReference(shape: Shape) throws {
    var net = RandomNetwork(seed: 11)
    let x = try net.builder.input("x", .image(shape.inputs, shape.height, shape.width))
    let result = try net.convolution(
      x, shape.outputs, kernel: shape.kernel, strides: shape.strides, padding: shape.padding,
      groups: shape.groups, bias: shape.hasBias, relu: shape.hasReLU)
    let size = net.builder[result].type.spatial
    let graph = net.builder.build()
    guard case .conv2d(var op) = graph.nodes[0].op else {
      Issue.record("\(graph.nodes[0].op) is no convolution")
      return
    }
    op.hasResidual = shape.hasResidual
    let operands = graph.nodes[0].operands.dropFirst().compactMap { net.constants[graph[$0].name] }
    let input = net.gaussians(shape.batch * shape.inputs * shape.height * shape.width)
    let residual = net.gaussians(shape.batch * shape.outputs * size.area)

    var values = [
      ReferenceValue(dims: [shape.batch, shape.inputs, shape.height, shape.width], elements: input)
    ]
    values += operands.map { ReferenceValue(dims: $0.shape, elements: $0.floats) }
    if shape.hasResidual {
      values.append(
        ReferenceValue(dims: [shape.batch, shape.outputs, size.height, size.width], elements: residual))
    }
    let expected = ReferenceInterpreter.evaluate(.conv2d(op), values, batched: true).elements

    let descriptor = Self.descriptor(shape, size)
    let buffers = ConvolutionBuffers(input: 0, output: 1, residual: shape.hasResidual ? 2 : nil)
    let bias = shape.hasBias ? operands[1].floats : []
    let step = operands[0].withFloats { weights in
      bias.withUnsafeBufferPointer { bias in
        weights.baseAddress.flatMap {
          PortableKernels(block: shape.block).convolution(
            descriptor, LayerParameters(weights: $0, bias: shape.hasBias ? bias.baseAddress : nil),
            buffers)
        }
      }
    }
    for itemsPerCall in [1, 5] {
      let tensors = [
        GuardedTensor(descriptor.input, batch: shape.batch),
        GuardedTensor(descriptor.output, batch: shape.batch),
        GuardedTensor(descriptor.residual ?? descriptor.output, batch: shape.batch),
      ]
      tensors[0].fill(input, border: 0)
      tensors[1].fill([], border: .nan)
      tensors[2].fill(residual, border: .nan)
      StepRunner.run(try #require(step), tensors, batch: shape.batch, itemsPerCall: itemsPerCall)
      #expect(tensors.allSatisfy { $0.guardsAreIntact }, "\(shape) wrote outside")
      #expect(tensors[1].borderIsZero, "\(shape) left its border")
      expectClose(tensors[1].values(), expected, tolerance: 2e-6, "\(shape)")
    }
  }

  private static func descriptor(_ shape: Shape, _ size: Extent) -> ConvolutionDescriptor {
    // What the taps reach, and a border of uneven sides more for other readers.
    let reach = Border(
      top: shape.padding.top, left: shape.padding.left, bottom: shape.padding.bottom,
      right: shape.padding.right)
    let output = TensorLayout(
      channels: shape.outputs, height: size.height, width: size.width, block: shape.block,
      border: Border(top: 1, left: 2, bottom: 3))
    var residual = output
    residual.border = Border(left: 1, right: 2)
    return ConvolutionDescriptor(
      input: TensorLayout(
        channels: shape.inputs, height: shape.height, width: shape.width,
        block: shape.inputBlock ?? shape.block,
        border: reach.union(Border(left: 1, bottom: 1))),
      output: output, residual: shape.hasResidual ? residual : nil, kernelHeight: shape.kernel.height,
      kernelWidth: shape.kernel.width, strideHeight: shape.strides.height, strideWidth: shape.strides.width,
      paddingTop: shape.padding.top, paddingLeft: shape.padding.left, groups: shape.groups,
      hasBias: shape.hasBias, hasReLU: shape.hasReLU)
  }
}

/// Expects `found` within `tolerance` times the largest magnitude of `expected`.
func expectClose(
  _ found: [Float], _ expected: [Float], tolerance: Float, _ what: String,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  guard found.count == expected.count else {
    Issue.record(
      "\(what): \(found.count) values instead of \(expected.count)", sourceLocation: sourceLocation)
    return
  }
  let scale = max(expected.reduce(0) { max($0, abs($1)) }, 1e-3)
  var worst: Float = 0
  for (a, b) in zip(found, expected) where a.bitPattern != b.bitPattern {
    worst = a.isNaN || b.isNaN ? .infinity : max(worst, abs(a - b))
  }
  #expect(
    worst <= tolerance * scale, "\(what): off by \(worst) of \(scale)", sourceLocation: sourceLocation)
}
