import FixresIR

/// Builds the unfused graph, with its batch norms, of the network in a description.
///
/// Values have the names of torchvision's modules (`layer1.0.conv1`) and constants those of its parameters
/// (`layer1.0.conv1.weight`), whatever the file calls them.
package struct NetworkBuilder {
  private let network: ArchitectureDescription
  private var graph: GraphBuilder

  /// The graph of `network` for images `[N, 3, H, W]` of `resolution`.
  ///
  /// - Throws: `IRError` where a layer does not fit, such as a window larger than its padded input.
  package static func build(
    _ network: ArchitectureDescription, name: String, resolution: Extent
  ) throws(IRError) -> Graph {
    var builder = NetworkBuilder(network: network, graph: GraphBuilder(name: name))
    return try builder.run(resolution)
  }

  private mutating func run(_ resolution: Extent) throws(IRError) -> Graph {
    var x = try graph.input("input", .image(3, resolution.height, resolution.width))
    x = try stem(x)
    for block in network.blocks { x = try residual(x, block) }
    x = try graph.append(.globalAveragePool(.init()), [x], name: "avgpool")
    let features = try graph.append(.flatten(.init()), [x], name: "flatten")
    let weight = try graph.constant("fc.weight", shape: [network.classes, network.features])
    let bias = try graph.constant("fc.bias", shape: [network.classes])
    let logits = try graph.append(.linear(.init(hasBias: true)), [features, weight, bias], name: "fc")
    try graph.output(GraphOutput.logits, logits)
    try graph.output(GraphOutput.features, features)
    return graph.build()
  }

  // MARK: Stem

  private mutating func stem(_ input: ValueID) throws(IRError) -> ValueID {
    let stem = network.stem
    var x = input
    if stem.isDeep {
      // timm's nn.Sequential is conv, bn, relu, conv, bn, relu, conv; the norm behind it is the network's
      // bn1.
      for (index, convolution) in stem.convolutions.enumerated() {
        let position = index * 3
        let isLast = index == stem.convolutions.count - 1
        x = try self.convolution(x, convolution, "conv1.\(position)", stride: index == 0 ? stem.stride : 1)
        x = try batchNorm(x, isLast ? "bn1" : "conv1.\(position + 1)", convolution.outputs)
        x = try relu(x, isLast ? "relu" : "conv1.\(position + 2)")
      }
    } else {
      x = try convolution(x, stem.convolutions[0], "conv1", stride: stem.stride)
      x = try batchNorm(x, "bn1", stem.outputs)
      x = try relu(x, "relu")
    }
    return try stemPool(x)
  }

  private mutating func stemPool(_ x: ValueID) throws(IRError) -> ValueID {
    let kernel = Extent(square: 3)
    let strides = Extent(square: 2)
    switch network.stem.pool {
    case .none: return x
    case .max:
      let window = Window(kernel: kernel, strides: strides, padding: Padding(1))
      return try graph.append(.maxPool(.init(window: window)), [x], name: "maxpool")
    case .maxCeil:
      let window = Window(kernel: kernel, strides: strides, ceilMode: true)
      return try graph.append(.maxPool(.init(window: window)), [x], name: "maxpool")
    case .convolution(let convolution):
      var y = try self.convolution(x, convolution, "maxpool.0", stride: 2)
      y = try batchNorm(y, "maxpool.1", convolution.outputs)
      return try relu(y, "maxpool.2")
    }
  }

  // MARK: Blocks

  private mutating func residual(
    _ input: ValueID, _ block: ArchitectureDescription.Block
  ) throws(IRError) -> ValueID {
    let strided = block.kind == .bottleneck && network.stridePlacement == .secondConvolution ? 1 : 0
    var x = input
    for (index, convolution) in block.convolutions.enumerated() {
      let number = index + 1
      x = try self.convolution(
        x, convolution, "\(block.name).conv\(number)", stride: index == strided ? block.stride : 1)
      x = try batchNorm(x, "\(block.name).bn\(number)", convolution.outputs)
      if number < block.convolutions.count { x = try relu(x, "\(block.name).relu\(number)") }
    }
    if let attention = block.squeezeExcitation { x = try squeezeExcitation(x, block, attention) }
    let skip = try shortcut(input, block)
    x = try graph.append(.add(.init()), [x, skip], name: block.name + ".add")
    return try relu(x, block.name + ".relu")
  }

  private mutating func shortcut(
    _ input: ValueID, _ block: ArchitectureDescription.Block
  ) throws(IRError) -> ValueID {
    let module = block.name + ".downsample."
    switch block.shortcut {
    case .identity: return input
    case .convolution(let convolution):
      let x = try self.convolution(input, convolution, module + "0", stride: block.stride)
      return try batchNorm(x, module + "1", convolution.outputs)
    case .averagePool(let convolution):
      var x = input
      if block.stride > 1 {
        let window = Window(
          kernel: Extent(square: block.stride), strides: Extent(square: block.stride), ceilMode: true)
        x = try graph.append(
          .averagePool(.init(window: window, countIncludePad: false)), [x], name: module + "0")
      }
      x = try self.convolution(x, convolution, module + "1", stride: 1)
      return try batchNorm(x, module + "2", convolution.outputs)
    case .subsample:
      var x = input
      if block.stride > 1 {
        let strides = Extent(square: block.stride)
        x = try graph.append(
          .stridedSlice(.init(strides: strides)), [x], name: block.name + ".shortcut.slice")
      }
      let missing = block.outputs - block.inputs
      guard missing > 0 else { return x }
      return try graph.append(
        .channelPad(.init(before: missing / 2, after: missing - missing / 2)), [x],
        name: block.name + ".shortcut.pad")
    }
  }

  private mutating func squeezeExcitation(
    _ x: ValueID, _ block: ArchitectureDescription.Block,
    _ attention: ArchitectureDescription.SqueezeExcitation
  ) throws(IRError) -> ValueID {
    let module = block.name + ".se"
    let channels = block.outputs
    let reduce = ArchitectureDescription.Convolution(
      inputs: channels, outputs: attention.reduced, kernel: 1, hasBias: attention.hasBias)
    let expand = ArchitectureDescription.Convolution(
      inputs: attention.reduced, outputs: channels, kernel: 1, hasBias: attention.hasBias)
    var gate = try graph.append(.globalAveragePool(.init()), [x], name: module + ".pool")
    gate = try convolution(gate, reduce, block.name + "." + attention.reduceName, stride: 1)
    gate = try relu(gate, module + ".relu")
    gate = try convolution(gate, expand, block.name + "." + attention.expandName, stride: 1)
    gate = try graph.append(.sigmoid(.init()), [gate], name: module + ".sigmoid")
    return try graph.append(.channelMultiply(.init()), [x, gate], name: module)
  }

  // MARK: Layers

  private mutating func convolution(
    _ x: ValueID, _ shape: ArchitectureDescription.Convolution, _ module: String, stride: Int
  ) throws(IRError) -> ValueID {
    let weight = try graph.constant(
      module + ".weight", shape: [shape.outputs, shape.inputs / shape.groups, shape.kernel, shape.kernel])
    var operands = [x, weight]
    if shape.hasBias { operands.append(try graph.constant(module + ".bias", shape: [shape.outputs])) }
    let op = Conv2D(
      strides: Extent(square: stride), padding: Padding(shape.kernel / 2), groups: shape.groups,
      hasBias: shape.hasBias)
    return try graph.append(.conv2d(op), operands, name: module)
  }

  private mutating func batchNorm(
    _ x: ValueID, _ module: String, _ channels: Int
  ) throws(IRError) -> ValueID {
    var operands = [x]
    for leaf in ["weight", "bias", "running_mean", "running_var"] {
      operands.append(try graph.constant("\(module).\(leaf)", shape: [channels]))
    }
    return try graph.append(.batchNorm(.init(epsilon: network.batchNormEpsilon)), operands, name: module)
  }

  private mutating func relu(_ x: ValueID, _ name: String) throws(IRError) -> ValueID {
    try graph.append(.relu(.init()), [x], name: name)
  }
}
