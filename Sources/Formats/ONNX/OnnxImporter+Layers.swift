import FixresBase
import FixresIR

extension OnnxImporter {
  // MARK: Windows

  private func extent(_ node: OnnxNode, _ name: String) throws(FormatError) -> Extent? {
    guard let list = node.integers(name) else { return nil }
    guard list.count == 2, list.allSatisfy({ (1...maximumAttribute).contains($0) }) else {
      throw fault(node, "two numbers from 1 to \(maximumAttribute) as \(name)", "\(list.prefix(8))")
    }
    return Extent(list[0], list[1])
  }

  /// The node's padding, with that of a Pad before it.
  private mutating func padding(
    _ node: OnnxNode, kernel: Extent, strides: Extent, of x: OnnxActivation
  ) throws(FormatError) -> Padding {
    let before = x.padding ?? .zero
    let own: Padding
    switch node.text("auto_pad", default: "NOTSET") {
    case "NOTSET", "":
      let list = node.integers("pads") ?? [0, 0, 0, 0]
      guard list.count == 4, list.allSatisfy({ (0...maximumAttribute).contains($0) }) else {
        throw fault(node, "four paddings from 0 to \(maximumAttribute)", "\(list.prefix(8))")
      }
      own = Padding(top: list[0], left: list[1], bottom: list[2], right: list[3])
    case "VALID": own = .zero
    case "SAME_UPPER": own = same(kernel, strides, x, isUpper: true)
    case "SAME_LOWER": own = same(kernel, strides, x, isUpper: false)
    default:
      throw fault(
        node, "auto_pad of NOTSET, VALID, SAME_UPPER or SAME_LOWER",
        node.text("auto_pad", default: "").debugDescription)
    }
    return Padding(
      top: own.top + before.top, left: own.left + before.left, bottom: own.bottom + before.bottom,
      right: own.right + before.right)
  }

  /// The padding that gives one output for each `strides` inputs at the model's own size.
  private mutating func same(
    _ kernel: Extent, _ strides: Extent, _ x: OnnxActivation, isUpper: Bool
  ) -> Padding {
    let size = graph[x.value].type.spatial
    let before = x.padding ?? .zero
    func split(_ size: Int, _ kernel: Int, _ stride: Int) -> (Int, Int) {
      let total = max(0, ((size - 1) / stride) * stride + kernel - size)
      return isUpper ? (total / 2, total - total / 2) : (total - total / 2, total / 2)
    }
    let (top, bottom) = split(size.height + before.top + before.bottom, kernel.height, strides.height)
    let (left, right) = split(size.width + before.left + before.right, kernel.width, strides.width)
    let sentence = "SAME padding as it is at the size of the export"
    if strides != Extent(1, 1), !assumed.contains(sentence) { assumed.append(sentence) }
    return Padding(top: top, left: left, bottom: bottom, right: right)
  }

  private func refuseDilation(_ node: OnnxNode) throws(FormatError) {
    if let dilations = node.integers("dilations"), !dilations.allSatisfy({ $0 == 1 }) {
      throw fault(node, "a dilation of 1", "\(dilations.prefix(8))")
    }
  }

  // MARK: Layers

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
    try refuseDilation(node)
    guard x.padding == nil || x.paddingValue == 0 else {
      throw fault(node, "zeros as padding of a convolution", "\(x.paddingValue)")
    }
    let strides = try extent(node, "strides") ?? Extent(1, 1)
    let padding = try padding(node, kernel: kernel, strides: strides, of: x)
    var operands = [x.value, try declare(weight, node, .weight)]
    var bias = node.input(2) == nil ? nil : try constant(node, 2)
    // The new exporter of torch, where it does not optimise, makes a zero bias for each convolution that has none.
    if case .filled(0) = bias?.source { bias = nil }
    if let bias { operands.append(try declare(bias, node, .other, shape: [weight.shape[0]])) }
    let op = Conv2D(
      strides: strides, padding: padding, groups: node.integer("group", default: 1), hasBias: bias != nil)
    let value = try append(.conv2d(op), operands, node)
    try set(node, .activation(OnnxActivation(value: value, axes: OnnxActivation.imageAxes)))
  }

  mutating func batchNormalization(_ node: OnnxNode) throws(FormatError) {
    let x = try activation(node, 0)
    let type = graph[x.value].type
    guard type.isImage, x.axes.count >= 2, x.axes[0] == .batch, x.axes[1] == .channel else {
      throw fault(node, "an image [N, C, H, W]", "\(type) with the axes \(describe(x))")
    }
    guard node.integer("spatial", default: 1) == 1 else {
      throw fault(node, "statistics for each channel (spatial of 1)", "for each pixel")
    }
    let extra = node.outputs.dropFirst().contains { !$0.isEmpty }
    guard node.integer("training_mode", default: 0) == 0, !extra || node.integer("is_test", default: 0) == 1
    else { throw fault(node, "a batch norm for inference", "one for training") }
    let epsilon = node.float("epsilon", default: 1e-5)
    guard epsilon >= 0, epsilon < 1 else { throw fault(node, "an epsilon from 0 to 1", "\(epsilon)") }
    // The decimal that was meant: 1e-5 and not the float next to it.
    let exact = Double(epsilon.description) ?? Double(epsilon)
    var operands = [x.value]
    for (index, role) in [WeightRole.scale, .other, .other, .variance(epsilon: exact)].enumerated() {
      operands.append(
        try declare(try constant(node, index + 1), node, role, shape: [type.channels]))
    }
    let value = try append(.batchNorm(.init(epsilon: exact)), operands, node)
    try set(node, .activation(OnnxActivation(value: value, axes: x.axes)))
  }

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

  mutating func maxPool(_ node: OnnxNode) throws(FormatError) {
    let x = try image(node, 0, padded: true)
    let window = try window(node, x)
    if x.padding != nil, x.paddingValue > -1e30 {
      // Zeros around what is never below zero change no maximum, since every window sees a pixel of the image.
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

  mutating func averagePool(_ node: OnnxNode) throws(FormatError) {
    let x = try image(node, 0, padded: true)
    let window = try window(node, x)
    var counts = node.integer("count_include_pad", default: 0) != 0
    if let before = x.padding {
      guard x.paddingValue == 0, counts || window.padding == before, !window.ceilMode else {
        throw fault(node, "zeros as the only padding of an average", "\(x.paddingValue) and its own")
      }
      counts = true
    }
    // Without padding both ways of counting are one.
    if window.padding.isZero, !window.ceilMode { counts = false }
    let value = try append(
      .averagePool(.init(window: window, countIncludePad: counts)), [x.value], node)
    if nonNegative.contains(x.value) { nonNegative.insert(value) }
    try set(node, .activation(OnnxActivation(value: value, axes: x.axes)))
  }

  mutating func globalPool(_ node: OnnxNode, _ op: Op) throws(FormatError) {
    let x = try image(node, 0)
    let value = try append(op, [x.value], node)
    if nonNegative.contains(x.value) { nonNegative.insert(value) }
    try set(node, .activation(OnnxActivation(value: value, axes: x.axes)))
  }

  // MARK: Classifier

  /// Input 0 as rows `[N, F]`, flattened where it is an image of one pixel.
  private mutating func rows(_ node: OnnxNode) throws(FormatError) -> ValueID {
    let x = try activation(node, 0)
    let type = graph[x.value].type
    guard x.axes.count == 2, x.axes[0] == .batch else {
      throw fault(node, "rows [N, F]", "\(type) with the axes \(describe(x))")
    }
    guard type.isImage else { return x.value }
    // Two axes are left of an image only where its map is one pixel.
    return try append(.flatten(.init()), [x.value], node, suffix: ".flatten")
  }

  mutating func gemm(_ node: OnnxNode) throws(FormatError) {
    guard node.integer("transA", default: 0) == 0 else { throw fault(node, "a transA of 0", "1") }
    var weight = try constant(node, 1)
    guard weight.shape.count == 2 else { throw fault(node, "a matrix as weights", "\(weight.shape)") }
    let isTransposed = node.integer("transB", default: 0) != 0
    let x = try rows(node)
    let alpha = node.float("alpha", default: 1)
    if alpha != 1 { weight = try computed(weight, node, weight.shape) { $0 * alpha } }
    let classes = weight.shape[isTransposed ? 0 : 1]
    let product = OnnxProduct(
      x: x, weight: try matrix(weight, node, isTransposed: isTransposed), classes: classes, node: node)
    let beta = node.float("beta", default: 1)
    guard node.input(2) != nil, beta != 0 else { return try set(node, .product(product)) }
    var bias = try constant(node, 2)
    if beta != 1 { bias = try computed(bias, node, bias.shape) { $0 * beta } }
    try linear(product, bias, node)
  }

  mutating func matMul(_ node: OnnxNode) throws(FormatError) {
    let weight = try constant(node, 1)
    guard weight.shape.count == 2 else { throw fault(node, "a matrix as weights", "\(weight.shape)") }
    let x = try rows(node)
    try set(
      node,
      .product(
        OnnxProduct(
          x: x, weight: try matrix(weight, node, isTransposed: false), classes: weight.shape[1], node: node)))
  }

  /// `weight` as `[O, F]`.
  private mutating func matrix(
    _ weight: OnnxConstant, _ node: OnnxNode, isTransposed: Bool
  ) throws(FormatError) -> ValueID {
    guard !isTransposed else { return try declare(weight, node, .weight) }
    return try declare(try permuted(weight, [1, 0], node), node, .weight, form: "transposed")
  }

  /// Puts a product into the graph with the bias that `node` adds.
  mutating func linear(
    _ product: OnnxProduct, _ bias: OnnxConstant, _ node: OnnxNode
  ) throws(FormatError) {
    let fits =
      bias.count == 1
      || bias.count == product.classes && bias.shape.last == product.classes && bias.shape.count <= 2
    guard fits else {
      throw fault(node, "a bias of \(product.classes) numbers", "\(bias.shape)")
    }
    let bias = try expanded(bias, to: product.classes, node)
    let operands = [product.x, product.weight, try declare(bias, node, .other, shape: [product.classes])]
    let value = try append(.linear(.init(hasBias: true)), operands, node)
    linearOperands[value] = product.x
    try set(node, .activation(OnnxActivation(value: value, axes: [.batch, .feature])))
  }
}
