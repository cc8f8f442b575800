import FixresBase
import FixresIR

extension OnnxImporter {
  /// Adds one node to the graph.
  ///
  /// - Throws: `FormatError.onnx`, naming the node and its operator.
  mutating func visit(_ node: OnnxNode) throws(FormatError) {
    guard node.domain.isEmpty || node.domain == "ai.onnx" else {
      let isOptimised = node.domain.hasPrefix("com.microsoft")
      throw fault(
        node, "an operator of ONNX itself", "\(node.op) of the domain \(node.domain)",
        hint: isOptimised ? "Take the model from before ONNX Runtime optimised it, or its basic level." : nil)
    }
    guard !node.outputs.isEmpty else { throw fault(node, "an output", "none") }
    do { try node.checkForm() } catch { throw .onnx(path: path, error) }
    if try visitConstant(node) { return }
    if try visitSizes(node) { return }
    if node.op == "Sigmoid", trailing.contains(node.outputs[0]) { return try trailingSigmoid(node) }
    if let op = OnnxForm.elementwise[node.op] { return try elementwise(op, node) }
    switch node.op {
    case "Conv": try convolution(node)
    case "BatchNormalization": try batchNormalization(node)
    case "MaxPool": try maxPool(node)
    case "AveragePool": try averagePool(node)
    case "GlobalAveragePool": try globalPool(node, .globalAveragePool(.init()))
    case "GlobalMaxPool": try globalPool(node, .globalMaxPool(.init()))
    case "ReduceMean": try reduce(node, .globalAveragePool(.init()))
    case "ReduceMax": try reduce(node, .globalMaxPool(.init()))
    case "Gemm": try gemm(node)
    case "MatMul": try matMul(node)
    case "Clip": try clip(node)
    case "LeakyRelu": try leakyRelu(node)
    case "HardSigmoid": try hardSigmoid(node)
    case "Gelu": try gelu(node)
    case "Mish": try elementwise(.mish(.init()), node)
    case "Pow": try power(node)
    case "Concat": try concat(node)
    case "Add", "Sum": try add(node)
    case "Sub", "Mul", "Div": try arithmetic(node)
    case "Softmax", "LogSoftmax": try softmax(node)
    case "Identity", "Dropout", "CastLike": try pass(node)
    case "Cast":
      guard [1, 10, 11, 16].contains(node.integer("to", default: 0)) else {
        throw fault(node, "a cast to a floating-point type", "type \(node.integer("to", default: 0))")
      }
      try pass(node)
    case "Flatten": try flatten(node)
    case "Reshape": try reshape(node)
    case "Squeeze": try squeeze(node)
    case "Unsqueeze": try unsqueeze(node)
    case "Transpose": try transpose(node)
    case "Pad": try pad(node)
    case "Slice": try slice(node)
    case "Gather", "GatherND": try gatherChannels(node)
    case "Expand": try expand(node)
    default:
      throw fault(node, "an operator of a ResNet", node.op.debugDescription)
    }
  }

  // MARK: Inputs

  /// Input `index`.
  func value(_ node: OnnxNode, _ index: Int) throws(FormatError) -> OnnxValue {
    guard let name = node.input(index) else { throw fault(node, "input \(index)", "none") }
    guard let value = values[name] else {
      throw fault(node, "an input \(name.debugDescription)", "nothing that makes it")
    }
    return value
  }

  /// Input `index` as an activation; results of Pad, Expand and Softmax only where the flags accept them.
  mutating func activation(
    _ node: OnnxNode, _ index: Int, padded: Bool = false, expanded: Bool = false, probability: Bool = false,
    powered: Bool = false
  ) throws(FormatError) -> OnnxActivation {
    switch try value(node, index) {
    case .activation(let x):
      guard padded || x.padding == nil else {
        throw fault(node, "a convolution or a pool behind a Pad", node.op)
      }
      guard expanded || x.expanded == nil else {
        throw fault(node, "a product with an image behind an Expand", node.op)
      }
      guard powered || x.power == nil && x.meanOfPowers == nil else {
        throw fault(node, "the mean and the root of a generalized mean behind a Pow", node.op)
      }
      guard probability || x.meaning == nil else {
        throw fault(node, "nothing behind a \(x.meaning == .sigmoid ? "Sigmoid" : "Softmax")", node.op)
      }
      return x
    case .product(let product): return try settle(product, node.inputs[index])
    case .constant, .sizes:
      throw fault(node, "an input \(index) that depends on the picture", "a constant")
    }
  }

  /// Input `index` as an image with the axes `[N, C, H, W]`; of one pixel, the last two may be of size 1
  /// only.
  mutating func image(
    _ node: OnnxNode, _ index: Int, padded: Bool = false, powered: Bool = false
  ) throws(FormatError) -> OnnxActivation {
    let x = try activation(node, index, padded: padded, powered: powered)
    let type = graph[x.value].type
    let isImage =
      type.isImage && x.axes.count == 4 && x.axes[0] == .batch && x.axes[1] == .channel
      && (x.axes == OnnxActivation.imageAxes || type.spatial == Extent(1, 1))
    guard isImage else {
      throw fault(node, "an image [N, C, H, W]", "\(type) with the axes \(describe(x))")
    }
    return x
  }

  /// The axes as text, such as `[N, C, H, W]`.
  func describe(_ x: OnnxActivation) -> String {
    let letters: [OnnxAxis: String] = [
      .batch: "N", .channel: "C", .height: "H", .width: "W", .spatial: "HW", .feature: "F", .one: "1",
    ]
    return "[" + x.axes.map { letters[$0] ?? "?" }.joined(separator: ", ") + "]"
  }

  /// The extent of `axis`; nil for the batch.
  func size(_ axis: OnnxAxis, _ x: OnnxActivation) -> Int? {
    let type = graph[x.value].type
    switch axis {
    case .batch: return nil
    case .channel, .feature: return type.dims[0]
    case .height: return type.spatial.height
    case .width: return type.spatial.width
    case .spatial: return type.spatial.area
    case .one: return 1
    }
  }

  /// The result is input 0 under another name.
  mutating func pass(_ node: OnnxNode) throws(FormatError) {
    try set(node, try value(node, 0))
  }

  /// Adds a product to the graph, without a bias, as the value `name`.
  mutating func settle(_ product: OnnxProduct, _ name: String) throws(FormatError) -> OnnxActivation {
    let result = try layer(product, bias: nil, product.node)
    values[name] = .activation(result)
    return result
  }
}
