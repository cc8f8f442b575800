import FixresBase
import FixresIR

extension OnnxImporter {
  /// Any operator that is an element-wise operation.
  mutating func elementwise(_ op: Op, _ node: OnnxNode) throws(FormatError) {
    let x = try activation(node, 0)
    let value = try append(op, [x.value], node)
    let traits = op.traits([graph[x.value].type])
    if traits.contains(.isNonNegative) || traits.contains(.keepsSign) && nonNegative.contains(x.value) {
      nonNegative.insert(value)
    }
    if case .sigmoid = op { sigmoids.insert(value) }
    elementwiseSources[value] = elementwiseSources[x.value] ?? x.value
    try set(node, .activation(OnnxActivation(value: value, axes: x.axes)))
  }

  /// Input `index`, a constant of one element.
  func number(_ node: OnnxNode, _ index: Int) throws(FormatError) -> Float {
    let constant = try constant(node, index)
    guard constant.count == 1 else { throw fault(node, "one number as input \(index)", "\(constant.shape)") }
    return try floats(constant, node).floats[0]
  }

  /// Add and Sum: a residual connection, the bias of a product, or the shift of a decomposed batch norm.
  mutating func add(_ node: OnnxNode) throws(FormatError) {
    guard node.inputs.count > 1 else { return try pass(node) }
    guard node.inputs.count == 2 else { return try sum(node) }
    for (index, other) in [(0, 1), (1, 0)] {
      guard case .constant(let constant) = try value(node, other) else { continue }
      if case .product(let product) = try value(node, index) { return try linear(product, constant, node) }
      return try affine(node, constant, input: index)
    }
    try set(node, .activation(try residual(try activation(node, 0), try activation(node, 1), node)))
  }

  private mutating func sum(_ node: OnnxNode) throws(FormatError) {
    var total = try activation(node, 0)
    for index in node.inputs.indices.dropFirst() {
      let isLast = index == node.inputs.count - 1
      total = try residual(
        total, try activation(node, index), node, suffix: isLast ? "" : ".sum\(index)")
    }
    try set(node, .activation(total))
  }

  private mutating func residual(
    _ a: OnnxActivation, _ b: OnnxActivation, _ node: OnnxNode, suffix: String = ""
  ) throws(FormatError) -> OnnxActivation {
    var (a, b) = (a, b)
    if a.axes != b.axes {
      a = try asRow(a, node, suffix: suffix + ".row0")
      b = try asRow(b, node, suffix: suffix + ".row1")
    }
    guard graph[a.value].type == graph[b.value].type, a.axes == b.axes else {
      throw fault(
        node, "two values of one shape and layout",
        "\(graph[a.value].type) \(describe(a)) and \(graph[b.value].type) \(describe(b))")
    }
    let value = try append(.add(.init()), [a.value, b.value], node, suffix: suffix)
    if nonNegative.contains(a.value), nonNegative.contains(b.value) { nonNegative.insert(value) }
    return OnnxActivation(value: value, axes: a.axes)
  }

  /// Sub, Mul and Div: a gate, or one half of a decomposed batch norm.
  mutating func arithmetic(_ node: OnnxNode) throws(FormatError) {
    guard node.inputs.count == 2 else { throw fault(node, "two inputs", "\(node.inputs.count)") }
    if case .constant(let constant) = try value(node, 1) { return try affine(node, constant, input: 0) }
    if node.op == "Mul" {
      if case .constant(let constant) = try value(node, 0) { return try affine(node, constant, input: 1) }
      return try gate(node)
    }
    throw fault(node, "a constant as the second operand", "a value that depends on the picture")
  }

  /// The product of an image and its gate [N, C, 1, 1], in either order.
  private mutating func gate(_ node: OnnxNode) throws(FormatError) {
    var (x, gate) = (try activation(node, 0, expanded: true), try activation(node, 1, expanded: true))
    let single = Extent(1, 1)
    if isProduct(x, gate) {
      let value = try append(.multiply(.init()), [x.value, gate.value], node)
      if nonNegative.contains(x.value), nonNegative.contains(gate.value) || x.value == gate.value {
        nonNegative.insert(value)
      }
      return try set(node, .activation(OnnxActivation(value: value, axes: x.axes)))
    }
    // Where the image is one pixel too, the gate is the result of a Sigmoid.
    let isGateFirst =
      graph[x.value].type.spatial == single
      && (graph[gate.value].type.spatial != single
        || sigmoids.contains(x.value) && !sigmoids.contains(gate.value))
    if x.expanded != nil || isGateFirst { swap(&x, &gate) }
    let isPixel = graph[gate.value].type.isImage && graph[gate.value].type.spatial == single
    let isAligned =
      x.axes.count == gate.axes.count
      && zip(x.axes, gate.axes).allSatisfy { $0 == $1 || isPixel && $1 != .channel && size($1, gate) == 1 }
    // The target of an Expand must be the shape of the image.
    let isCovered =
      gate.expanded?.enumerated().allSatisfy { axis, size in
        size == .known(1) || size == self.size(x.axes[axis], x).map(OnnxSize.known) ?? .batch
          || x.axes[axis] == .batch && size.number == fixedBatch
      } ?? true
    guard isAligned, isCovered, graph[x.value].type.isImage, x.expanded == nil else {
      throw fault(
        node, "an image and its gate [N, C, 1, 1]",
        "\(graph[x.value].type) \(describe(x)) and \(graph[gate.value].type) \(describe(gate))")
    }
    let value = try append(.channelMultiply(.init()), [x.value, gate.value], node)
    if nonNegative.contains(x.value), nonNegative.contains(gate.value) { nonNegative.insert(value) }
    try set(node, .activation(OnnxActivation(value: value, axes: x.axes)))
  }

  /// Whether `a` and `b` are multiplied element by element at every size.
  ///
  /// At a size at which an image is one pixel, its gate has the same type; unless one is computed from the other
  /// element by element, as in an activation, the second is taken for the gate.
  private func isProduct(_ a: OnnxActivation, _ b: OnnxActivation) -> Bool {
    guard a.expanded == nil, b.expanded == nil, a.axes == b.axes, graph[a.value].type == graph[b.value].type
    else { return false }
    let type = graph[a.value].type
    return !type.isImage || type.spatial != Extent(1, 1)
      || (elementwiseSources[a.value] ?? a.value) == (elementwiseSources[b.value] ?? b.value)
  }

  // MARK: Decomposed batch norm

  /// Adds, subtracts, multiplies or divides each channel by a constant: a batch norm with mean 0, variance 1
  /// and epsilon 0.
  private mutating func affine(
    _ node: OnnxNode, _ constant: OnnxConstant, input index: Int
  ) throws(FormatError) {
    let x = try activation(node, index)
    let type = graph[x.value].type
    if constant.count == 1 { return try scalarAffine(node, try floats(constant, node).floats[0], x) }
    guard type.isImage else {
      throw fault(node, "an image beside a constant", "\(type)")
    }
    try requirePerChannel(constant, x, node)
    let channels = type.channels
    let vector = try expanded(constant, to: channels, node)
    let isSum = node.op == "Add" || node.op == "Sub" || node.op == "Sum"
    let given: OnnxConstant
    switch node.op {
    case "Sub": given = try computed(vector, node, shape: [channels]) { -$0 }
    case "Div": given = try computed(vector, node, shape: [channels]) { 1 / $0 }
    default: given = vector
    }
    func filled(_ value: Float, _ suffix: String) -> OnnxConstant {
      OnnxConstant(
        name: node.outputs[0] + suffix, shape: [channels], source: .filled(value), isInteger: false)
    }
    let parts = [
      isSum ? filled(1, ".scale") : given, isSum ? given : filled(0, ".shift"), filled(0, ".mean"),
      filled(1, ".variance"),
    ]
    var operands = [x.value]
    for part in parts { operands.append(try declare(part, node, .other, shape: [channels])) }
    let value = try append(.batchNorm(.init(epsilon: 0)), operands, node)
    let numbers = try floats(given, node).floats.map(Double.init)
    recordInputArithmetic(value, of: x.value, times: isSum ? [1] : numbers, plus: isSum ? numbers : [0])
    try set(node, .activation(OnnxActivation(value: value, axes: x.axes)))
  }

  /// Adds, subtracts, multiplies or divides by one number.
  private mutating func scalarAffine(
    _ node: OnnxNode, _ number: Float, _ x: OnnxActivation
  ) throws(FormatError) {
    var map = ScalarAffine(scale: 1, offset: 0)
    switch node.op {
    case "Sub": map.offset = -number
    case "Mul": map.scale = number
    case "Div": map.scale = 1 / number
    default: map.offset = number
    }
    guard map.scale.isFinite, map.offset.isFinite else { throw fault(node, "a finite number", "\(number)") }
    let value = try append(.scalarAffine(map), [x.value], node)
    recordInputArithmetic(value, of: x.value, times: [Double(map.scale)], plus: [Double(map.offset)])
    elementwiseSources[value] = elementwiseSources[x.value] ?? x.value
    if nonNegative.contains(x.value), map.scale >= 0, map.offset >= 0 { nonNegative.insert(value) }
    try set(node, .activation(OnnxActivation(value: value, axes: x.axes)))
  }

  /// Throws unless `constant` varies along the channels of `x` only.
  private func requirePerChannel(
    _ constant: OnnxConstant, _ x: OnnxActivation, _ node: OnnxNode
  ) throws(FormatError) {
    guard constant.count != 1 else { return }
    // Before opset 7 the attribute `axis` states where a broadcast begins.
    let isOld = opset < 7 && node.integer("broadcast", default: 0) == 1
    let first =
      isOld
      ? node.integer("axis", default: x.axes.count - constant.shape.count)
      : x.axes.count - constant.shape.count
    let fits =
      first >= 0 && first <= x.axes.count - constant.shape.count
      && constant.shape.enumerated().allSatisfy { axis, size in
        size == 1 || x.axes[first + axis] == .channel && size == graph[x.value].type.channels
      }
    guard fits else {
      throw fault(
        node, "one number a channel (or one for all)",
        "a constant \(constant.shape) beside \(graph[x.value].type) \(describe(x))")
    }
  }

  // MARK: Softmax

  /// Softmax and LogSoftmax over the classes: omitted, the graph's output is the logits.
  mutating func softmax(_ node: OnnxNode) throws(FormatError) {
    var x = try activation(node, 0)
    let axis = node.integer("axis", default: opset < 13 ? 1 : -1)
    let first = axis < 0 ? axis + x.axes.count : axis
    let counted = x.axes.indices.filter { $0 > 0 && size(x.axes[$0], x) != 1 }
    // Before opset 13 the input is flattened to two axes at `axis`.
    let fits =
      counted.count <= 1 && (counted.first ?? first) >= first
      && (opset < 13 || counted.first ?? first == first)
    guard first > 0, fits else {
      throw fault(node, "a Softmax over the classes", "axis \(axis) of \(describe(x))")
    }
    x.meaning = .softmax
    try set(node, .activation(x))
  }

  /// A Sigmoid that ends the network: omitted, the graph's output is the logits.
  mutating func trailingSigmoid(_ node: OnnxNode) throws(FormatError) {
    var x = try activation(node, 0)
    x.meaning = .sigmoid
    try set(node, .activation(x))
  }
}
