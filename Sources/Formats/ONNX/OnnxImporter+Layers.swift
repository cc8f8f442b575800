import FixresBase
import FixresIR

extension OnnxImporter {
  // MARK: Windows

  /// Height and width in the attribute `name`; nil where the node has none.
  private func extent(_ node: OnnxNode, _ name: String) throws(FormatError) -> Extent? {
    guard let list = node.integers(name) else { return nil }
    guard list.count == 2, list.allSatisfy({ (1...maximumAttribute).contains($0) }) else {
      throw fault(node, "two numbers from 1 to \(maximumAttribute) as \(name)", "\(list.prefix(8))")
    }
    return Extent(list[0], list[1])
  }

  /// The padding of a convolution or pool on each side, with that of a Pad before it:
  ///
  ///     auto_pad NOTSET      `pads`: top, left, bottom, right
  ///     auto_pad VALID       0
  ///     auto_pad SAME_*      out = ceil(in / stride), total = max(0, (out - 1) * stride + kernel - in);
  ///                          half on each side, the odd pixel at the end (UPPER) or the beginning (LOWER)
  ///
  /// SAME depends on the input size, which retargeting changes, so it stays a rule of the graph's `Padding`.
  ///
  /// Specification: Operators.md of onnx, Conv and MaxPool.
  private mutating func padding(
    _ node: OnnxNode, kernel: Extent, strides: Extent, of x: OnnxActivation
  ) throws(FormatError) -> Padding {
    let own: Padding
    switch node.text("auto_pad", default: "NOTSET") {
    case "NOTSET", "":
      let list = node.integers("pads") ?? [0, 0, 0, 0]
      guard list.count == 4, list.allSatisfy({ (0...maximumAttribute).contains($0) }) else {
        throw fault(node, "four paddings from 0 to \(maximumAttribute)", "\(list.prefix(8))")
      }
      let stated = Padding(top: list[0], left: list[1], bottom: list[2], right: list[3])
      own = baked(stated, node, kernel: kernel, strides: strides, of: x)
    case "VALID": own = .zero
    case "SAME_UPPER": own = same(.sameUpper, kernel: kernel, strides: strides, of: x)
    case "SAME_LOWER": own = same(.sameLower, kernel: kernel, strides: strides, of: x)
    default:
      throw fault(
        node, "auto_pad of NOTSET, VALID, SAME_UPPER or SAME_LOWER",
        node.text("auto_pad", default: "").debugDescription)
    }
    guard let before = x.padding else { return own }
    return Padding(
      top: own.top + before.top, left: own.left + before.left, bottom: own.bottom + before.bottom,
      right: own.right + before.right)
  }

  /// SAME padding at the size of `x`: as a rule where another size needs other sides, else as fixed sides.
  private mutating func same(
    _ rule: Padding.Rule, kernel: Extent, strides: Extent, of x: OnnxActivation
  ) -> Padding {
    let size = graph[x.value].type.spatial
    let before = x.padding ?? .zero
    let window = Window(
      kernel: kernel, strides: strides, padding: Padding(top: 0, left: 0, bottom: 0, right: 0, rule: rule))
    let found = window.fittedPadding(
      to: Extent(
        size.height + before.top + before.bottom, size.width + before.left + before.right))
    let depends =
      strides.height > 1 && kernel.height > 1 || strides.width > 1 && kernel.width > 1
    guard depends, x.padding != nil else {
      return depends
        ? found : Padding(top: found.top, left: found.left, bottom: found.bottom, right: found.right)
    }
    let sentence = "SAME padding behind a Pad as it is at the size of the export"
    if !assumed.contains(sentence) { assumed.append(sentence) }
    return found
  }

  /// `stated`, or the SAME rule where an exporter has written its sides at the size of the export.
  ///
  /// tf2onnx writes `auto_pad` for explicit padding, and omits it for sides that come from SAME.
  private mutating func baked(
    _ stated: Padding, _ node: OnnxNode, kernel: Extent, strides: Extent, of x: OnnxActivation
  ) -> Padding {
    guard node.attribute("pads") != nil, x.padding == nil, strides != Extent(1, 1) else { return stated }
    let isAsymmetric = stated.top != stated.bottom || stated.left != stated.right
    let found = same(.sameUpper, kernel: kernel, strides: strides, of: x)
    if model.producer == "tf2onnx", node.attribute("auto_pad") == nil, found.sides == stated.sides {
      let sentence = "SAME padding, of which tf2onnx wrote down only the sides for the export's size"
      if found.rule != .fixed, !assumed.contains(sentence) { assumed.append(sentence) }
      return found
    }
    let sentence = "asymmetric padding is the same at every size"
    if isAsymmetric, !assumed.contains(sentence) { assumed.append(sentence) }
    return stated
  }

  private func refuseDilation(_ node: OnnxNode) throws(FormatError) {
    if let dilations = node.integers("dilations"), !dilations.allSatisfy({ $0 == 1 }) {
      throw fault(node, "a dilation of 1", "\(dilations.prefix(8))")
    }
  }

  // MARK: Layers

  /// Conv; a 1x1 convolution of one pixel that no layer depends on is the classifier.
  mutating func convolution(_ node: OnnxNode) throws(FormatError) {
    let x = try image(node, 0, padded: true)
    let weight = try constant(node, 1)
    guard weight.shape.count == 4, weight.shape.allSatisfy({ (1...maximumAttribute).contains($0) }) else {
      throw fault(node, "weights [O, C/groups, kh, kw]", "\(weight.shape)")
    }
    let kernel = Extent(weight.shape[2], weight.shape[3])
    if let stated = try extent(node, "kernel_shape"), stated != kernel {
      throw fault(node, "a kernel_shape of \(kernel), as its weights have", "\(stated)")
    }
    let dilations = try extent(node, "dilations") ?? Extent(1, 1)
    guard x.padding == nil || x.paddingValue == 0 else {
      throw fault(node, "zeros as padding of a convolution", "\(x.paddingValue)")
    }
    let strides = try extent(node, "strides") ?? Extent(1, 1)
    let span = Conv2D(dilations: dilations).span(kernel)
    let padding = try padding(node, kernel: span, strides: strides, of: x)
    let groups = node.integer("group", default: 1)
    var bias = node.input(2) == nil ? nil : try constant(node, 2)
    // torch's dynamo exporter without optimisation adds a zero bias to each convolution that has none.
    if case .filled(0) = bias?.source { bias = nil }
    let isPixel = kernel == Extent(1, 1) && padding.isZero && graph[x.value].type.spatial == Extent(1, 1)
    if isPixel, groups == 1, trailing.contains(node.outputs[0]) {
      return try classifier(x, weight, bias: bias, node)
    }
    if normalization == nil { normalization = inputMaps[x.value] ?? OnnxInputMap(channels: 0) }
    var operands = [x.value, try declare(weight, node, .weight)]
    if let bias { operands.append(try declare(bias, node, .other, shape: [weight.shape[0]])) }
    let op = Conv2D(
      strides: strides, padding: padding, groups: groups, hasBias: bias != nil, dilations: dilations)
    let value = try append(.conv2d(op), operands, node)
    try set(node, .activation(OnnxActivation(value: value, axes: OnnxActivation.imageAxes)))
  }

  /// BatchNormalization for inference.
  mutating func batchNormalization(_ node: OnnxNode) throws(FormatError) {
    let x = try activation(node, 0)
    let type = graph[x.value].type
    guard x.axes.count >= 2, x.axes[0] == .batch, x.axes[1] == (type.isImage ? .channel : .feature) else {
      throw fault(node, "an image [N, C, H, W] or rows [N, F]", "\(type) with the axes \(describe(x))")
    }
    guard node.integer("spatial", default: 1) == 1 else {
      throw fault(node, "statistics for each channel (spatial of 1)", "for each pixel")
    }
    let extra = node.outputs.dropFirst().contains { !$0.isEmpty }
    guard node.integer("training_mode", default: 0) == 0, !extra || node.integer("is_test", default: 0) == 1
    else { throw fault(node, "a batch norm for inference", "one for training") }
    let epsilon = node.float("epsilon", default: 1e-5)
    guard epsilon >= 0, epsilon < 1 else { throw fault(node, "an epsilon from 0 to 1", "\(epsilon)") }
    // The shortest decimal of the float32: 1e-5, not 9.99999974e-6.
    let exact = Double(epsilon.description) ?? Double(epsilon)
    var operands = [x.value]
    for (index, role) in [WeightRole.scale, .other, .other, .variance(epsilon: exact)].enumerated() {
      operands.append(
        try declare(try constant(node, index + 1), node, role, shape: [type.channels]))
    }
    let value = try append(.batchNorm(.init(epsilon: exact)), operands, node)
    if inputMaps[x.value] != nil {
      var numbers: [[Double]] = []
      for index in 1...4 {
        numbers.append(try floats(try constant(node, index), node).floats.map(Double.init))
      }
      let factors = zip(numbers[0], numbers[3]).map { $0 / ($1 + exact).squareRoot() }
      let summands = zip(zip(numbers[1], numbers[2]), factors).map { $0.0 - $0.1 * $1 }
      recordInputArithmetic(value, of: x.value, times: factors, plus: summands)
    }
    try set(node, .activation(OnnxActivation(value: value, axes: x.axes)))
  }

  /// The window of a pool.
  private mutating func window(_ node: OnnxNode, _ x: OnnxActivation) throws(FormatError) -> Window {
    guard let kernel = try extent(node, "kernel_shape") else {
      throw fault(node, "a kernel_shape", "none")
    }
    try refuseDilation(node)
    let strides = try extent(node, "strides") ?? Extent(1, 1)
    let padding = try padding(node, kernel: kernel, strides: strides, of: x)
    return Window(
      kernel: kernel, strides: strides, padding: padding,
      ceilMode: node.integer("ceil_mode", default: 0) != 0)
  }

  /// MaxPool, also behind a Pad that does not change the maximum.
  mutating func maxPool(_ node: OnnxNode) throws(FormatError) {
    let x = try image(node, 0, padded: true)
    let window = try window(node, x)
    if x.padding != nil, x.paddingValue > -1e30 {
      // A zero never exceeds a maximum of non-negative values, and every window contains a pixel of the
      // image.
      guard x.paddingValue == 0, nonNegative.contains(x.value) else {
        throw fault(
          node, "padding that never wins: minus infinity, or zeros around what a ReLU gives",
          "\(x.paddingValue)")
      }
    }
    let value = try append(.maxPool(.init(window: window)), [x.value], node)
    if nonNegative.contains(x.value) { nonNegative.insert(value) }
    try set(node, .activation(OnnxActivation(value: value, axes: x.axes)))
  }

  /// AveragePool; padding of a Pad before it is counted.
  mutating func averagePool(_ node: OnnxNode) throws(FormatError) {
    var x = try image(node, 0, padded: true, powered: true)
    let window = try window(node, x)
    if let power = x.power {
      guard x.padding == nil, window.padding == .zero, window.kernel == graph[x.value].type.spatial else {
        throw fault(node, "the mean of the whole map behind a Pow", "windows of \(window.kernel)")
      }
      (x.power, x.meanOfPowers) = (nil, power)
      return try set(node, .activation(x))
    }
    guard x.meanOfPowers == nil else { throw fault(node, "the root of the mean of powers", node.op) }
    var counts = node.integer("count_include_pad", default: 0) != 0
    if let before = x.padding {
      guard x.paddingValue == 0, counts || window.padding == before, !window.ceilMode else {
        throw fault(node, "zeros as the only padding of an average", "\(x.paddingValue) and its own")
      }
      counts = true
    }
    // Without padding `count_include_pad` has no effect.
    if window.padding == .zero, !window.ceilMode { counts = false }
    let value = try append(
      .averagePool(.init(window: window, countIncludePad: counts)), [x.value], node)
    if nonNegative.contains(x.value) { nonNegative.insert(value) }
    try set(node, .activation(OnnxActivation(value: value, axes: x.axes)))
  }

  /// GlobalAveragePool and GlobalMaxPool.
  mutating func globalPool(_ node: OnnxNode, _ op: Op) throws(FormatError) {
    var x = try image(node, 0, powered: true)
    if case .globalAveragePool = op, let power = x.power {
      (x.power, x.meanOfPowers) = (nil, power)
      return try set(node, .activation(x))
    }
    guard x.power == nil, x.meanOfPowers == nil else { throw fault(node, "the mean of powers", node.op) }
    let value = try append(op, [x.value], node)
    if nonNegative.contains(x.value) { nonNegative.insert(value) }
    try set(node, .activation(OnnxActivation(value: value, axes: x.axes)))
  }
}
