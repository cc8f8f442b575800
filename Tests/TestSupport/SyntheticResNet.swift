import FixresIR

/// ResNets of any width as an importer would write them: unfused, batch norms intact, torchvision's names.
package struct SyntheticResNet {
  package enum Shortcut: Sendable { case projection, pooledProjection, padded }

  package var depths: [Int]
  package var isBottleneck = false
  /// Channels of the first stage; 64 in the published ones.
  package var width = 8
  package var groups = 1
  /// Channels of a group in a bottleneck whose block has 64 planes; nil where its groups share the planes.
  package var groupWidth: Int?
  package var shortcut = Shortcut.projection
  package var hasDeepStem = false
  package var isGated = false
  /// A 3x3 stem without stride or pool, for pictures of 32x32.
  package var isCIFAR = false
  package var classes = 10
  private var graph = GraphBuilder(name: "")

  package init(depths: [Int]) { self.depths = depths }

  /// A network by the name of its kind; nil for a name that is not known here.
  package static func named(_ name: String, width: Int = 8) -> SyntheticResNet? {
    var net: SyntheticResNet
    switch name {
    case "resnet18": net = .init(depths: [2, 2, 2, 2])
    case "resnet34", "seresnet34": net = .init(depths: [3, 4, 6, 3])
    case "resnet50", "resnet50d", "seresnet50", "resnext50": net = .init(depths: [3, 4, 6, 3])
    case "resnet101": net = .init(depths: [3, 4, 23, 3])
    case "resnet20": net = .init(depths: [3, 3, 3])
    default: return nil
    }
    net.width = width
    net.isBottleneck = name.hasSuffix("50") || name.hasSuffix("50d") || name.hasSuffix("101")
    net.isGated = name.hasPrefix("se")
    net.groups = name.hasPrefix("resnext") ? 4 : 1
    if name.hasSuffix("d") { (net.shortcut, net.hasDeepStem) = (.pooledProjection, true) }
    if name == "resnet20" { (net.shortcut, net.isCIFAR) = (.padded, true) }
    return net
  }

  /// The graph for pictures `[N, 3, H, W]` of `size`.
  package mutating func build(name: String, size: Extent) throws -> Graph {
    graph = GraphBuilder(name: name)
    var x = try stem(try graph.input("input", .image(3, size.height, size.width)))
    for (stage, depth) in depths.enumerated() {
      for index in 0..<depth {
        let stride = stage > 0 && index == 0 ? 2 : 1
        x = try block(x, "layer\(stage + 1).\(index)", planes: width << stage, stride: stride)
      }
    }
    let pool = try graph.append(.globalAveragePool(.init()), [x], name: "avgpool")
    let features = try graph.append(.flatten(.init()), [pool], name: "flatten")
    let weight = try graph.constant("fc.weight", shape: [classes, graph[features].type.elementCount])
    let bias = try graph.constant("fc.bias", shape: [classes])
    let logits = try graph.append(.linear(.init(hasBias: true)), [features, weight, bias], name: "fc")
    try graph.output(GraphOutput.logits, logits)
    try graph.output(GraphOutput.features, features)
    return graph.build()
  }

  private mutating func stem(_ input: ValueID) throws -> ValueID {
    guard !isCIFAR else { return try unit(input, "conv1", "bn1", relu: "relu", outputs: width, kernel: 3) }
    var x = input
    if hasDeepStem {
      x = try unit(x, "conv1.0", "conv1.1", relu: "conv1.2", outputs: width / 2, kernel: 3, stride: 2)
      x = try unit(x, "conv1.3", "conv1.4", relu: "conv1.5", outputs: width / 2, kernel: 3)
      x = try unit(x, "conv1.6", "bn1", relu: "relu", outputs: width, kernel: 3)
    } else {
      x = try unit(x, "conv1", "bn1", relu: "relu", outputs: width, kernel: 7, stride: 2)
    }
    let window = Window(kernel: Extent(3, 3), strides: Extent(2, 2), padding: Padding(1))
    return try graph.append(.maxPool(.init(window: window)), [x], name: "maxpool")
  }

  private mutating func block(
    _ input: ValueID, _ name: String, planes: Int, stride: Int
  ) throws -> ValueID {
    var x = input
    var outputs = planes
    if isBottleneck {
      outputs = planes * 4
      let inner = groupWidth.map { planes * $0 * groups / 64 } ?? planes
      x = try unit(x, name + ".conv1", name + ".bn1", relu: name + ".relu1", outputs: inner, kernel: 1)
      x = try unit(
        x, name + ".conv2", name + ".bn2", relu: name + ".relu2", outputs: inner, kernel: 3, stride: stride,
        groups: groups)
      x = try unit(x, name + ".conv3", name + ".bn3", relu: nil, outputs: outputs, kernel: 1)
    } else {
      x = try unit(
        x, name + ".conv1", name + ".bn1", relu: name + ".relu1", outputs: planes, kernel: 3, stride: stride)
      x = try unit(x, name + ".conv2", name + ".bn2", relu: nil, outputs: outputs, kernel: 3)
    }
    if isGated { x = try gate(x, name + ".se") }
    let skip = try self.skip(input, name, outputs, stride: stride)
    x = try graph.append(.add(.init()), [x, skip], name: name + ".add")
    return try graph.append(.relu(.init()), [x], name: name + ".relu")
  }

  private mutating func skip(
    _ input: ValueID, _ name: String, _ outputs: Int, stride: Int
  ) throws -> ValueID {
    let missing = outputs - graph[input].type.channels
    guard missing != 0 || stride != 1 else { return input }
    let module = name + ".downsample."
    switch shortcut {
    case .projection:
      return try unit(
        input, module + "0", module + "1", relu: nil, outputs: outputs, kernel: 1, stride: stride)
    case .pooledProjection:
      var x = input
      if stride > 1 {
        let window = Window(kernel: Extent(2, 2), strides: Extent(2, 2), ceilMode: true)
        x = try graph.append(
          .averagePool(.init(window: window, countIncludePad: false)), [x], name: module + "0")
      }
      return try unit(x, module + "1", module + "2", relu: nil, outputs: outputs, kernel: 1)
    case .padded:
      let slice = try graph.append(
        .stridedSlice(.init(strides: Extent(square: stride))), [input], name: name + ".slice")
      let pad = ChannelPad(before: missing / 2, after: missing - missing / 2)
      return try graph.append(.channelPad(pad), [slice], name: name + ".pad")
    }
  }

  private mutating func gate(_ x: ValueID, _ name: String) throws -> ValueID {
    let channels = graph[x].type.channels
    var gate = try graph.append(.globalAveragePool(.init()), [x], name: name + ".pool")
    gate = try convolution(gate, name + ".fc1", max(1, channels / 4), kernel: 1, hasBias: true)
    gate = try graph.append(.relu(.init()), [gate], name: name + ".relu")
    gate = try convolution(gate, name + ".fc2", channels, kernel: 1, hasBias: true)
    gate = try graph.append(.sigmoid(.init()), [gate], name: name + ".sigmoid")
    return try graph.append(.channelMultiply(.init()), [x, gate], name: name)
  }

  /// Convolution, batch norm and, where it has a name, ReLU.
  private mutating func unit(
    _ x: ValueID, _ conv: String, _ norm: String, relu: String?, outputs: Int, kernel: Int,
    stride: Int = 1, groups: Int = 1
  ) throws -> ValueID {
    var operands = [
      try convolution(x, conv, outputs, kernel: kernel, stride: stride, groups: groups)
    ]
    for leaf in ["weight", "bias", "running_mean", "running_var"] {
      operands.append(try graph.constant("\(norm).\(leaf)", shape: [outputs]))
    }
    let y = try graph.append(.batchNorm(.init(epsilon: 1e-5)), operands, name: norm)
    return try relu.map { try graph.append(.relu(.init()), [y], name: $0) } ?? y
  }

  private mutating func convolution(
    _ x: ValueID, _ name: String, _ outputs: Int, kernel: Int, stride: Int = 1, groups: Int = 1,
    hasBias: Bool = false
  ) throws -> ValueID {
    let inputs = graph[x].type.channels
    var operands = [
      x, try graph.constant(name + ".weight", shape: [outputs, inputs / groups, kernel, kernel]),
    ]
    if hasBias { operands.append(try graph.constant(name + ".bias", shape: [outputs])) }
    let op = Conv2D(
      strides: Extent(square: stride), padding: Padding(kernel / 2), groups: groups, hasBias: hasBias)
    return try graph.append(.conv2d(op), operands, name: name)
  }
}

extension Model {
  /// The narrow ResNet called `name` for pictures of `side`, its constants random.
  package static func syntheticResNet(
    _ name: String, side: Int, width: Int = 8, seed: UInt64 = 1
  ) throws -> Model {
    struct UnknownName: Error { let name: String }
    guard var network = SyntheticResNet.named(name, width: width) else { throw UnknownName(name: name) }
    return try .random(try network.build(name: name, size: Extent(square: side)), seed: seed)
  }
}
