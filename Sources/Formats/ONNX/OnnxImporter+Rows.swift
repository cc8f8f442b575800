import FixresIR

/// Matrix products: classifiers, and the two layers of a gate, which become 1x1 convolutions of one pixel.
extension OnnxImporter {
  /// Input 0 of a product: rows `[N, F]`, flattened where it is an image of one pixel; for a gate the pixel
  /// itself.
  private mutating func rows(_ node: OnnxNode) throws(FormatError) -> OnnxActivation {
    var x = try activation(node, 0)
    let type = graph[x.value].type
    if isGate(node), type.isImage, type.spatial == Extent(1, 1), x.axes.first == .batch,
      x.axes.last == .channel
    {
      return x
    }
    guard x.axes.count == 2, x.axes[0] == .batch else {
      throw fault(node, "rows [N, F]", "\(type) with the axes \(describe(x))")
    }
    guard type.isImage else { return x }
    // An image with two axes is of one pixel.
    x.value = try append(.flatten(.init()), [x.value], node, suffix: ".flatten")
    x.axes = [.batch, .feature]
    return x
  }

  /// True where a convolution or pool depends on the rows that `node` computes.
  func isGate(_ node: OnnxNode) -> Bool { node.outputs.first.map(leadingToMaps.contains) ?? false }

  /// Gemm: alpha and beta are multiplied into weights and bias.
  mutating func gemm(_ node: OnnxNode) throws(FormatError) {
    guard node.integer("transA", default: 0) == 0 else { throw fault(node, "a transA of 0", "1") }
    var weight = try constant(node, 1)
    guard weight.shape.count == 2 else { throw fault(node, "a matrix as weights", "\(weight.shape)") }
    let x = try rows(node)
    guard x.axes.count == 2 else { throw fault(node, "rows [N, F]", "the axes \(describe(x))") }
    let alpha = node.float("alpha", default: 1)
    if alpha != 1 { weight = try computed(weight, node, shape: weight.shape) { $0 * alpha } }
    let product = try product(
      x, weight, node, isTransposed: node.integer("transB", default: 0) != 0)
    let beta = node.float("beta", default: 1)
    guard node.input(2) != nil, beta != 0 else { return try set(node, .product(product)) }
    var bias = try constant(node, 2)
    if beta != 1 { bias = try computed(bias, node, shape: bias.shape) { $0 * beta } }
    try linear(product, bias, node)
  }

  /// MatMul with a constant matrix; the Add behind it is the bias.
  mutating func matMul(_ node: OnnxNode) throws(FormatError) {
    let weight = try constant(node, 1)
    guard weight.shape.count == 2 else { throw fault(node, "a matrix as weights", "\(weight.shape)") }
    try set(node, .product(try product(try rows(node), weight, node, isTransposed: false)))
  }

  /// The product of `x` and `weight`, which is `[O, F]` if `isTransposed`, else `[F, O]`.
  private mutating func product(
    _ x: OnnxActivation, _ weight: OnnxConstant, _ node: OnnxNode, isTransposed: Bool
  ) throws(FormatError) -> OnnxProduct {
    let matrix = isTransposed ? weight : try permuted(weight, [1, 0], node)
    let shape = graph[x.value].type.isImage ? matrix.shape + [1, 1] : matrix.shape
    let value = try declare(matrix, node, .weight, shape: shape, form: isTransposed ? "" : "transposed")
    return OnnxProduct(x: x.value, weight: value, classes: matrix.shape[0], axes: x.axes, node: node)
  }

  /// Adds a product to the graph, with the bias that `node` adds.
  mutating func linear(
    _ product: OnnxProduct, _ bias: OnnxConstant, _ node: OnnxNode
  ) throws(FormatError) {
    let fits =
      bias.count == 1
      || bias.count == product.classes && bias.shape.last == product.classes
        && bias.shape.count <= product.axes.count
    guard fits else {
      throw fault(node, "a bias of \(product.classes) numbers", "\(bias.shape)")
    }
    let bias = try expanded(bias, to: product.classes, node)
    let value = try declare(bias, node, .other, shape: [product.classes])
    try set(node, .activation(try layer(product, bias: value, node)))
  }

  /// Adds the layer of `product`, named after the result of `node`.
  mutating func layer(
    _ product: OnnxProduct, bias: ValueID?, _ node: OnnxNode
  ) throws(FormatError) -> OnnxActivation {
    let operands = [product.x, product.weight] + (bias.map { [$0] } ?? [])
    guard !graph[product.x].type.isImage else {
      let value = try append(.conv2d(.init(hasBias: bias != nil)), operands, node)
      return OnnxActivation(value: value, axes: product.axes)
    }
    let value = try append(.linear(.init(hasBias: bias != nil)), operands, node)
    linearOperands[value] = product.x
    return OnnxActivation(value: value, axes: product.axes)
  }

  /// The last layer, a 1x1 convolution of one pixel, as a linear layer, so that its input rows are the
  /// features.
  mutating func classifier(
    _ x: OnnxActivation, _ weight: OnnxConstant, bias: OnnxConstant?, _ node: OnnxNode
  ) throws(FormatError) {
    let row = try append(.flatten(.init()), [x.value], node, suffix: ".flatten")
    let matrix = try declare(weight, node, .weight, shape: Array(weight.shape[..<2]))
    let shift = try bias.map { (bias) throws(FormatError) in
      try declare(bias, node, .other, shape: [weight.shape[0]])
    }
    let product = OnnxProduct(
      x: row, weight: matrix, classes: weight.shape[0], axes: [.batch, .feature, .one, .one], node: node)
    try set(node, .activation(try layer(product, bias: shift, node)))
  }

  /// Expand of a gate to the image that it is multiplied with.
  mutating func expand(_ node: OnnxNode) throws(FormatError) {
    var x = try activation(node, 0)
    let target = try sizes(node, 1)
    guard graph[x.value].type.spatial == Extent(1, 1), target.count == x.axes.count, x.axes.count == 4 else {
      throw fault(node, "a gate [N, C, 1, 1] to repeat", "\(graph[x.value].type) \(describe(x))")
    }
    x.expanded = target
    try set(node, .activation(x))
  }
}
