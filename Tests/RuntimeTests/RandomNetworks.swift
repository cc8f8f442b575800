import FixresBase
import FixresIR

/// Builds networks with random constants, so that every term of every sum matters.
struct RandomNetwork {
  var builder = GraphBuilder(name: "random")
  var constants = Constants()
  var random: SeededRandom
  private var counter = 0

  init(seed: UInt64) { random = SeededRandom(seed: seed) }

  mutating func name(_ base: String) -> String {
    counter += 1
    return "\(base)\(counter)"
  }

  /// A constant whose elements are gaussian, times `scale`, plus `offset`.
  mutating func constant(_ shape: [Int], scale: Float, offset: Float = 0) throws -> ValueID {
    let name = name("c")
    let value = try builder.constant(name, shape: shape)
    var elements: [Float] = []
    for _ in 0..<shape.reduce(1, *) { elements.append(Float(random.nextGaussian()) * scale + offset) }
    constants[name] = Tensor(shape: shape, elements)
    return value
  }

  /// A convolution, its weights scaled so that magnitudes neither grow nor fade.
  mutating func convolution(
    _ x: ValueID, _ outputs: Int, kernel: Extent = Extent(1, 1), strides: Extent = Extent(1, 1),
    padding: Padding = .zero, groups: Int = 1, bias: Bool = true, residual: ValueID? = nil, relu: Bool = false
  ) throws -> ValueID {
    let inputs = builder[x].type.channels / groups
    let scale = (2 / Float(inputs * kernel.area)).squareRoot()
    var operands = [x, try constant([outputs, inputs, kernel.height, kernel.width], scale: scale)]
    if bias { operands.append(try constant([outputs], scale: 0.5)) }
    if let residual { operands.append(residual) }
    let op = Conv2D(
      strides: strides, padding: padding, groups: groups, hasBias: bias, hasResidual: residual != nil,
      activation: relu ? .relu : .none)
    return try builder.append(.conv2d(op), operands, name: name("conv"))
  }

  mutating func batchNorm(_ x: ValueID) throws -> ValueID {
    let channels = builder[x].type.channels
    var operands = [x]
    operands.append(try constant([channels], scale: 0.2, offset: 1))
    operands.append(try constant([channels], scale: 0.3))
    operands.append(try constant([channels], scale: 0.3))
    let variance = try constant([channels], scale: 0)
    constants[builder[variance].name] = Tensor(
      shape: [channels], (0..<channels).map { _ in random.nextFloat() + 0.5 })
    return try builder.append(.batchNorm(BatchNorm(epsilon: 1e-5)), operands + [variance], name: name("bn"))
  }

  mutating func append(_ op: Op, _ operands: [ValueID]) throws -> ValueID {
    try builder.append(op, operands, name: name(op.mnemonic))
  }

  mutating func linear(_ x: ValueID, _ outputs: Int, bias: Bool = true) throws -> ValueID {
    let features = builder[x].type.elementCount
    var operands = [x, try constant([outputs, features], scale: 1 / Float(features).squareRoot())]
    if bias { operands.append(try constant([outputs], scale: 0.5)) }
    return try append(.linear(Linear(hasBias: bias)), operands)
  }

  /// Pool, flatten, classify; declares the outputs.
  mutating func head(_ x: ValueID, classes: Int) throws -> Model {
    let pooled = try append(.globalAveragePool(GlobalAveragePool()), [x])
    let features = try append(.flatten(Flatten()), [pooled])
    let logits = try linear(features, classes)
    try builder.output(GraphOutput.logits, logits)
    try builder.output(GraphOutput.features, features)
    return try model()
  }

  func model() throws(IRError) -> Model {
    try Model(graph: builder.build(), constants: constants, metadata: ModelMetadata(architecture: "random"))
  }

  mutating func gaussians(_ count: Int) -> [Float] {
    (0..<count).map { _ in Float(random.nextGaussian()) }
  }
}

/// A fused ResNet with bottlenecks, as the passes leave one.
func bottleneckNetwork(
  seed: UInt64, resolution: Extent, blocks: [Int] = [3, 4, 6, 3], width: Int = 64, groups: Int = 1,
  groupWidth: Int = 64, classes: Int = 1000
) throws -> Model {
  var net = RandomNetwork(seed: seed)
  var x = try net.builder.input("input", .image(3, resolution.height, resolution.width))
  x = try net.convolution(
    x, width, kernel: Extent(7, 7), strides: Extent(2, 2), padding: Padding(3), relu: true)
  let window = Window(kernel: Extent(3, 3), strides: Extent(2, 2), padding: Padding(1))
  x = try net.append(.maxPool(MaxPool(window: window)), [x])
  for (stage, count) in blocks.enumerated() {
    let outputs = width * 4 << stage
    let inner = groups == 1 ? width << stage : groups * groupWidth << stage
    for block in 0..<count {
      let stride = stage > 0 && block == 0 ? Extent(2, 2) : Extent(1, 1)
      let shortcut = block == 0 ? try net.convolution(x, outputs, strides: stride) : x
      let a = try net.convolution(x, inner, relu: true)
      let b = try net.convolution(
        a, inner, kernel: Extent(3, 3), strides: stride, padding: Padding(1), groups: groups, relu: true)
      x = try net.convolution(b, outputs, residual: shortcut, relu: true)
    }
  }
  return try net.head(x, classes: classes)
}
