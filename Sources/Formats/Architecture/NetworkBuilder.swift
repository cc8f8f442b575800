import FixresIR

/// Builds the unfused graph, with its batch norms, of the network in a description.
///
/// Values have the names of torchvision's modules (`layer1.0.conv1`) and constants those of its parameters
/// (`layer1.0.conv1.weight`), whatever the file calls them.
package struct NetworkBuilder {
  /// A graph, and the constants in it that follow from facts alone.
  package struct Result: Sendable {
    /// The unfused graph.
    package var graph: Graph
    /// Data of constants that no file holds: filters of anti-aliasing, normalisation of the input.
    package var derived: [String: Tensor]
  }

  let network: ArchitectureDescription
  var graph: GraphBuilder
  var derived: [String: Tensor] = [:]

  /// The graph of `network` for images `[N, C, H, W]` of `resolution`.
  ///
  /// - Throws: `IRError` where a layer does not fit, such as a window larger than its padded input.
  package static func build(
    _ network: ArchitectureDescription, name: String, resolution: Extent
  ) throws(IRError) -> Result {
    var builder = NetworkBuilder(network: network, graph: GraphBuilder(name: name))
    let graph = try builder.run(resolution)
    return Result(graph: graph, derived: builder.derived)
  }

  private init(network: ArchitectureDescription, graph: GraphBuilder) {
    self.network = network
    self.graph = graph
  }

  private mutating func run(_ resolution: Extent) throws(IRError) -> Graph {
    var x = try graph.input("input", .image(network.inputChannels, resolution.height, resolution.width))
    x = try stem(try normalised(x))
    for block in network.blocks { x = try residual(x, block) }
    let features = try pooled(x)
    if !network.head.isEmpty { try graph.output(GraphOutput.logits, try head(features)) }
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
        x = try activation(x, isLast ? "relu" : "conv1.\(position + 2)")
      }
    } else {
      x = try convolution(x, stem.convolutions[0], "conv1", stride: stem.stride)
      x = try batchNorm(x, "bn1", stem.outputs)
      x = try activation(x, "relu")
    }
    return try stemPool(x)
  }

  // MARK: Blocks

  private mutating func residual(
    _ input: ValueID, _ block: ArchitectureDescription.Block
  ) throws(IRError) -> ValueID {
    let strided = block.kind == .bottleneck && network.stridePlacement == .secondConvolution ? 1 : 0
    // timm filters behind the convolution that changes the size or begins to be dilated.
    let isFiltered =
      network.antiAliasing != .none && (block.stride > 1 || block.firstDilation != block.dilation)
    let isGatedBehindRelu = network.gate == .sigmoidBehindRelu && block.squeezeExcitation != nil
    var x = input
    for (index, convolution) in block.convolutions.enumerated() {
      let number = index + 1
      let isStrided = index == strided
      let isFirst = convolution.kernel > 1 && !block.convolutions[..<index].contains { $0.kernel > 1 }
      x = try self.convolution(
        x, convolution, "\(block.name).conv\(number)", stride: isStrided && !isFiltered ? block.stride : 1,
        dilation: convolution.kernel == 1 ? 1 : isFirst ? block.firstDilation : block.dilation)
      x = try batchNorm(x, "\(block.name).bn\(number)", convolution.outputs)
      if number < block.convolutions.count || isGatedBehindRelu {
        x = try graph.append(network.innerActivation.op, [x], name: "\(block.name).relu\(number)")
      }
      if isStrided, isFiltered { x = try filtered(x, block.name + ".aa", stride: block.stride) }
    }
    if let attention = block.squeezeExcitation { x = try squeezeExcitation(x, block, attention) }
    let skip = try shortcut(input, block)
    x = try graph.append(.add(.init()), [x, skip], name: block.name + ".add")
    return try activation(x, block.name + ".relu")
  }

  private mutating func shortcut(
    _ input: ValueID, _ block: ArchitectureDescription.Block
  ) throws(IRError) -> ValueID {
    let module = block.name + ".downsample."
    switch block.shortcut {
    case .identity: return input
    case .convolution(let convolution):
      let x = try self.convolution(
        input, convolution, module + "0", stride: block.stride,
        dilation: convolution.kernel == 1 ? 1 : block.firstDilation)
      return try batchNorm(x, module + "1", convolution.outputs)
    case .averagePool(let convolution, let index):
      let pool = index == 0 ? module + "pool" : module + "0"
      var x = input
      if block.stride > 1 {
        x = try averaged(input, pool, stride: block.stride)
      } else if block.dilation > 1 {
        // timm's AvgPool2dSame: SAME padding, its zeros counted.
        let window = Window(
          kernel: Extent(square: 2), strides: Extent(square: 1),
          padding: Padding(top: 0, left: 0, bottom: 1, right: 1, rule: .sameUpper))
        x = try graph.append(
          .averagePool(.init(window: window, countIncludePad: true)), [x], name: pool)
      }
      x = try self.convolution(x, convolution, module + "\(index)", stride: 1)
      return try batchNorm(x, module + "\(index + 1)", convolution.outputs)
    case .free(let averages, let zerosAtEnd):
      return try freeShortcut(input, block, averages: averages, zerosAtEnd: zerosAtEnd)
    }
  }

  private mutating func averaged(
    _ x: ValueID, _ name: String, stride: Int
  ) throws(IRError) -> ValueID {
    let window = Window(kernel: Extent(square: stride), strides: Extent(square: stride), ceilMode: true)
    return try graph.append(.averagePool(.init(window: window, countIncludePad: false)), [x], name: name)
  }

  private mutating func freeShortcut(
    _ input: ValueID, _ block: ArchitectureDescription.Block, averages: Bool, zerosAtEnd: Bool
  ) throws(IRError) -> ValueID {
    var x = input
    if block.stride > 1 {
      let strides = Extent(square: block.stride)
      x =
        averages
        ? try averaged(x, block.name + ".shortcut.pool", stride: block.stride)
        : try graph.append(
          .stridedSlice(.init(strides: strides)), [x], name: block.name + ".shortcut.slice")
    }
    let missing = block.outputs - block.inputs
    guard missing > 0 else { return x }
    let before = zerosAtEnd ? 0 : missing / 2
    return try graph.append(
      .channelPad(.init(before: before, after: missing - before)), [x], name: block.name + ".shortcut.pad")
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
    // The gate's own function is ReLU whatever the network's is (timm's SEModule).
    gate = try graph.append(.relu(.init()), [gate], name: module + ".relu")
    gate = try convolution(gate, expand, block.name + "." + attention.expandName, stride: 1)
    let op: Op = network.gate == .hardSigmoid ? .hardSigmoid(.init()) : .sigmoid(.init())
    gate = try graph.append(op, [gate], name: module + ".sigmoid")
    return try graph.append(.channelMultiply(.init()), [x, gate], name: module)
  }

  // MARK: Layers

  mutating func convolution(
    _ x: ValueID, _ shape: ArchitectureDescription.Convolution, _ module: String, stride: Int,
    dilation: Int = 1
  ) throws(IRError) -> ValueID {
    let weight = try graph.constant(
      module + ".weight", shape: [shape.outputs, shape.inputs / shape.groups, shape.kernel, shape.kernel])
    var operands = [x, weight]
    if shape.hasBias { operands.append(try graph.constant(module + ".bias", shape: [shape.outputs])) }
    let op = Conv2D(
      strides: Extent(square: stride), padding: Padding(shape.kernel / 2 * dilation), groups: shape.groups,
      hasBias: shape.hasBias, dilations: Extent(square: dilation))
    return try graph.append(.conv2d(op), operands, name: module)
  }

  mutating func batchNorm(_ x: ValueID, _ module: String, _ channels: Int) throws(IRError) -> ValueID {
    var operands = [x]
    for leaf in ["weight", "bias", "running_mean", "running_var"] {
      operands.append(try graph.constant("\(module).\(leaf)", shape: [channels]))
    }
    return try graph.append(.batchNorm(.init(epsilon: network.batchNormEpsilon)), operands, name: module)
  }

  mutating func activation(_ x: ValueID, _ name: String) throws(IRError) -> ValueID {
    try graph.append(network.activation.op, [x], name: name)
  }
}
