import FixresIR

/// Element-wise operators that have attributes or constant inputs.
extension OnnxImporter {
  /// Gelu, whose `approximate` is `none` or `tanh`.
  mutating func gelu(_ node: OnnxNode) throws(FormatError) {
    let approximation = node.text("approximate", default: "none")
    guard let form = ["none": Gelu.Form.erf, "tanh": .tanh][approximation] else {
      throw fault(node, "an approximation of none or tanh", approximation.debugDescription)
    }
    try elementwise(.gelu(.init(form: form)), node)
  }

  /// LeakyRelu.
  mutating func leakyRelu(_ node: OnnxNode) throws(FormatError) {
    let slope = node.float("alpha", default: 0.01)
    guard slope.isFinite else { throw fault(node, "a finite alpha", "\(slope)") }
    try elementwise(.leakyRelu(.init(slope: slope)), node)
  }

  /// HardSigmoid, `max(0, min(1, alpha * x + beta))`.
  mutating func hardSigmoid(_ node: OnnxNode) throws(FormatError) {
    let (alpha, beta) = (node.float("alpha", default: 0.2), node.float("beta", default: 0.5))
    guard alpha.isFinite, beta.isFinite else {
      throw fault(node, "finite alpha and beta", "\(alpha) and \(beta)")
    }
    // torch's, which divides by 6.
    if abs(alpha - 1 / 6) < 1e-6, beta == 0.5 { return try elementwise(.hardSigmoid(.init()), node) }
    let x = try activation(node, 0)
    let line = try append(
      .scalarAffine(.init(scale: alpha, offset: beta)), [x.value], node, suffix: ".line")
    let value = try append(.clamp(.init(low: 0, high: 1)), [line], node)
    nonNegative.insert(value)
    try set(node, .activation(OnnxActivation(value: value, axes: x.axes)))
  }

  /// Clip: from 0 without an upper end a ReLU.
  mutating func clip(_ node: OnnxNode) throws(FormatError) {
    var low = node.float("min", default: -.infinity)
    var high = node.float("max", default: .infinity)
    if node.input(1) != nil { low = try number(node, 1) }
    if node.input(2) != nil { high = try number(node, 2) }
    guard !low.isNaN, !high.isNaN, low <= high else {
      throw fault(node, "a Clip between two numbers", "one from \(low) to \(high)")
    }
    if low == 0, high >= 3e38 { return try elementwise(.relu(.init()), node) }
    let bound = Float.greatestFiniteMagnitude
    let clamp = Clamp(low: max(low, -bound), high: min(high, bound))
    let x = try activation(node, 0)
    try elementwise(.clamp(clamp), node)
    if case .activation(let result)? = values[node.outputs[0]] { clamps[result.value] = (x.value, clamp) }
  }

  /// Pow with a constant exponent: a square or a cube, or a part of a generalized mean.
  mutating func power(_ node: OnnxNode) throws(FormatError) {
    var x = try activation(node, 0, powered: true)
    let exponent = try number(node, 1)
    guard exponent.isFinite, exponent > 0 else { throw fault(node, "a positive exponent", "\(exponent)") }
    if let pool = x.meanOfPowers {
      // The root of the mean of powers.
      guard abs(Double(exponent) * pool.exponent - 1) < 1e-5 else {
        throw fault(node, "the root that belongs to the exponent \(pool.exponent)", "\(exponent)")
      }
      let value = try append(.generalizedMeanPool(pool), [x.value], node)
      nonNegative.insert(value)
      return try set(node, .activation(OnnxActivation(value: value, axes: x.axes)))
    }
    if exponent == 1 { return try set(node, .activation(x)) }
    if let clamp = clamps[x.value], clamp.clamp.low > 0 {
      // Nothing else reads it where the clamp has no upper end.
      let isPlain = clamp.clamp.high == .greatestFiniteMagnitude
      x.power = GeneralizedMeanPool(
        exponent: Double(exponent), epsilon: Double(clamp.clamp.low.description) ?? Double(clamp.clamp.low))
      if isPlain { x.value = clamp.source }
      return try set(node, .activation(x))
    }
    guard exponent == 2 || exponent == 3 else {
      throw fault(node, "an exponent of 2 or 3, or a generalized mean of what a Clip gives", "\(exponent)")
    }
    var value = x.value
    if exponent == 3 { value = try append(.multiply(.init()), [x.value, x.value], node, suffix: ".square") }
    value = try append(.multiply(.init()), [x.value, value], node)
    if exponent == 2 || nonNegative.contains(x.value) { nonNegative.insert(value) }
    try set(node, .activation(OnnxActivation(value: value, axes: x.axes)))
  }

  /// `x` as a row where it is an image of one pixel that ONNX sees as a row `[N, C]`; x itself otherwise.
  mutating func asRow(
    _ x: OnnxActivation, _ node: OnnxNode, suffix: String
  ) throws(FormatError) -> OnnxActivation {
    guard x.axes == [.batch, .channel], graph[x.value].type.isImage else { return x }
    let value = try append(.flatten(.init()), [x.value], node, suffix: suffix)
    if nonNegative.contains(x.value) { nonNegative.insert(value) }
    return OnnxActivation(value: value, axes: [.batch, .feature])
  }

  /// Concat of channels or features.
  mutating func concat(_ node: OnnxNode) throws(FormatError) {
    guard !node.inputs.isEmpty, node.inputs.count <= Concat.maximumCount else {
      throw fault(node, "1 to \(Concat.maximumCount) inputs", "\(node.inputs.count)")
    }
    var parts: [OnnxActivation] = []
    for index in node.inputs.indices { parts.append(try activation(node, index)) }
    if Set(parts.map(\.axes)).count > 1 {
      for index in parts.indices { parts[index] = try asRow(parts[index], node, suffix: ".row\(index)") }
    }
    let first = parts[0]
    let axis = try axisIndex(node.integer("axis", default: 1), of: first.axes.count, node)
    guard parts.allSatisfy({ $0.axes == first.axes }), [.channel, .feature].contains(first.axes[axis]) else {
      throw fault(
        node, "channels or features one after the other",
        "axis \(axis) of " + parts.prefix(4).map(describe).joined(separator: " and "))
    }
    let value = try append(.concat(.init(count: parts.count)), parts.map(\.value), node)
    if parts.allSatisfy({ nonNegative.contains($0.value) }) { nonNegative.insert(value) }
    try set(node, .activation(OnnxActivation(value: value, axes: first.axes)))
  }
}
