import FixresBase
import FixresIR

/// Small seeded networks with every operation in them sooner or later, for property tests.
package struct RandomNetwork {
  private var random: SeededRandom
  private var builder: GraphBuilder
  private var count = 0
  private let oddNames: Bool

  /// A network of about `layers` layers with random constants; its picture has sides of 5 to 17.
  package static func make(seed: UInt64, layers: Int = 8, oddNames: Bool = false) throws -> Model {
    var network = RandomNetwork(
      random: SeededRandom(seed: seed), builder: GraphBuilder(name: "random \(seed)"), oddNames: oddNames)
    let graph = try network.build(layers: layers)
    return try Model.random(graph, seed: seed)
  }

  private init(random: SeededRandom, builder: GraphBuilder, oddNames: Bool) {
    self.random = random
    self.builder = builder
    self.oddNames = oddNames
  }

  private mutating func build(layers: Int) throws -> Graph {
    let type = TensorType.image(number(1...4), number(5...17), number(5...17))
    var x = try builder.input(name("input"), type)
    for _ in 0..<layers { x = try layer(x) }
    try head(x)
    return builder.build()
  }

  // MARK: Chance

  private mutating func number(_ range: ClosedRange<Int>) -> Int {
    random.nextInt(in: range.lowerBound..<range.upperBound + 1)
  }

  private mutating func chance(_ share: Double) -> Bool { random.nextDouble() < share }

  private mutating func name(_ base: String) -> String {
    count += 1
    guard oddNames, chance(0.5) else { return "\(base)\(count)" }
    let odd = [
      "\"", "\\", "é", "\u{1F600}", "\n", "\t", "\0", " ", "%", "}", ",", "\u{7f}", "\u{2028}", "{", "=",
    ]
    return (0..<number(0...4)).map { _ in odd[random.nextInt(in: 0..<odd.count)] }.joined() + "\(count)"
  }

  // MARK: Layers

  private mutating func layer(_ x: ValueID) throws -> ValueID {
    let size = builder[x].type.spatial
    switch number(0...17) {
    case 0, 1, 2: return try normalised(x)
    case 3, 4, 5: return try block(x)
    case 6: return try gated(x)
    case 7: return try unary(.relu(Relu()), x)
    case 8: return try unary(.identity(Identity()), x)
    case 9: return try unary(.dropout(Dropout(rate: random.nextDouble())), x)
    case 10: return try rarity(x)
    case 11: return try unary(.channelPad(ChannelPad(before: number(0...2), after: number(0...2))), x)
    case 12:
      return try unary(.stridedSlice(StridedSlice(strides: Extent(number(1...2), number(1...2)))), x)
    case 13: return try unary(.maxPool(MaxPool(window: window(size))), x)
    case 14:
      return try unary(.averagePool(AveragePool(window: window(size), countIncludePad: chance(0.5))), x)
    case 15: return try batchNorm(x)
    case 16:
      let clamp = ScalarAffineClamp(
        scale: 0.5 + random.nextFloat(), offset: chance(0.3) ? 0 : random.nextFloat() - 0.5)
      return try unary(.scalarAffineClamp(clamp), x)
    default:
      // Something that no output will depend on.
      if chance(0.5) { _ = try normalised(x) }
      return try batchNorm(try batchNorm(x))
    }
  }

  private mutating func unary(_ op: Op, _ x: ValueID) throws -> ValueID {
    try builder.append(op, [x], name: name(op.mnemonic))
  }

  /// One of the operations that networks seldom hold; draws no number, so that each seed keeps its other layers.
  private mutating func rarity(_ x: ValueID) throws -> ValueID {
    let elementwise: [Op] = [
      .sigmoid(.init()), .hardSwish(.init()), .leakyRelu(.init(slope: 0.1)), .silu(.init()),
      .gelu(.init(form: .erf)), .gelu(.init(form: .tanh)), .mish(.init()), .clamp(.relu6),
      .hardSigmoid(.init()),
      .tanh(.init()), .erf(.init()), .softplus(.init()), .scalarAffine(.init(scale: 0.5, offset: 0.25)),
    ]
    let kind = count % (elementwise.count + 3)
    if kind < elementwise.count { return try unary(elementwise[kind], x) }
    switch kind - elementwise.count {
    case 0: return try builder.append(.multiply(Multiply()), [x, x], name: name("multiply"))
    case 1 where builder[x].type.channels <= 16:
      return try builder.append(.concat(Concat(count: 2)), [x, x], name: name("concat"))
    default:
      let size = builder[x].type.spatial
      let sides = Padding(
        top: min(1, size.height - 1), left: min(2, size.width - 1), bottom: 0, right: min(1, size.width - 1))
      return try unary(.reflectPad(ReflectPad(padding: sides)), x)
    }
  }

  private mutating func window(_ size: Extent) -> Window {
    let kernel = Extent(number(1...min(3, size.height)), number(1...min(3, size.width)))
    let padding = Padding(
      top: number(0...kernel.height / 2), left: number(0...kernel.width / 2),
      bottom: number(0...kernel.height / 2), right: number(0...kernel.width / 2))
    return Window(
      kernel: kernel, strides: Extent(number(1...2), number(1...2)), padding: padding, ceilMode: chance(0.3))
  }

  private mutating func convolution(
    _ x: ValueID, outputs: Int, kernel: Int, stride: Int = 1, groups: Int = 1
  ) throws -> ValueID {
    let inputs = builder[x].type.channels
    let hasBias = chance(0.3)
    var operands = [
      x, try builder.constant(name("weight"), shape: [outputs, inputs / groups, kernel, kernel]),
    ]
    if hasBias { operands.append(try builder.constant(name("bias"), shape: [outputs])) }
    let dilation = count % 5 == 0 ? 2 : 1
    let op = Conv2D(
      strides: Extent(square: stride), padding: Padding(kernel / 2 * dilation), groups: groups,
      hasBias: hasBias, activation: chance(0.1) ? .relu : .none, dilations: Extent(square: dilation))
    return try builder.append(.conv2d(op), operands, name: name("conv"))
  }

  private mutating func batchNorm(_ x: ValueID) throws -> ValueID {
    let channels = builder[x].type.channels
    var operands = [x]
    for leaf in ["scale", "shift", "mean", "variance"] {
      operands.append(try builder.constant(name(leaf), shape: [channels]))
    }
    let epsilon = chance(0.5) ? 1e-5 : random.nextDouble() * 0.01
    return try builder.append(.batchNorm(BatchNorm(epsilon: epsilon)), operands, name: name("bn"))
  }

  /// Convolution, often batch norm, often ReLU, sometimes something between that hides one from the other.
  private mutating func normalised(
    _ x: ValueID, outputs: Int? = nil, stride: Int? = nil, activated: Bool? = nil
  ) throws -> ValueID {
    let inputs = builder[x].type.channels
    let groups = inputs % 2 == 0 && chance(0.3) ? 2 : 1
    let wanted = outputs ?? number(1...3) * 2
    var y = try convolution(
      x, outputs: wanted, kernel: chance(0.5) ? 1 : 3, stride: stride ?? number(1...2),
      groups: wanted % groups == 0 ? groups : 1)
    if chance(0.1) { y = try unary(.identity(Identity()), y) }
    if chance(0.8) { y = try batchNorm(y) }
    if chance(0.1) { y = try batchNorm(y) }
    if activated ?? chance(0.7) { y = try unary(.relu(Relu()), y) }
    if chance(0.1) { y = try unary(.dropout(Dropout(rate: 0.1)), y) }
    return y
  }

  /// A residual block: identity, projection or padded shortcut, the sum written either way round.
  private mutating func block(_ x: ValueID) throws -> ValueID {
    let channels = builder[x].type.channels
    let stride = number(1...2)
    let kind = number(0...2)
    let outputs = kind == 0 ? channels : (kind == 1 ? number(1...3) * 2 : channels + number(0...3))
    let strided = kind == 0 ? 1 : stride
    var main = try normalised(x, stride: strided)
    main = try normalised(main, outputs: outputs, stride: 1, activated: false)
    if chance(0.2) { main = try gated(main) }
    var skip = x
    if kind == 1 { skip = try normalised(x, outputs: outputs, stride: strided, activated: chance(0.1)) }
    if kind == 2 {
      skip = try unary(.stridedSlice(StridedSlice(strides: Extent(square: strided))), skip)
      skip = try unary(.channelPad(ChannelPad(before: 0, after: outputs - channels)), skip)
    }
    let summands = chance(0.5) ? [main, skip] : [skip, main]
    var sum = try builder.append(.add(Add()), summands, name: name("add"))
    if chance(0.1) { sum = try builder.append(.add(Add()), [sum, main], name: name("add")) }
    return chance(0.8) ? try unary(.relu(Relu()), sum) : sum
  }

  private mutating func gated(_ x: ValueID) throws -> ValueID {
    let channels = builder[x].type.channels
    var gate = try unary(.globalAveragePool(GlobalAveragePool()), x)
    gate = try convolution(gate, outputs: number(1...2), kernel: 1)
    gate = try unary(.relu(Relu()), gate)
    gate = try convolution(gate, outputs: channels, kernel: 1)
    gate = try unary(.sigmoid(Sigmoid()), gate)
    return try builder.append(.channelMultiply(ChannelMultiply()), [x, gate], name: name("gated"))
  }

  private mutating func head(_ last: ValueID) throws {
    var x = last
    if chance(0.2) { x = try batchNorm(x) }
    let map = builder[x].type.spatial
    switch number(0...3) {
    case 0:
      let whole = Window(kernel: map, strides: Extent(1, 1))
      x = try unary(.averagePool(AveragePool(window: whole, countIncludePad: chance(0.5))), x)
    case 1: x = try unary(.globalMaxPool(GlobalMaxPool()), x)
    case 2 where count % 3 == 0: x = try unary(.generalizedMeanPool(.init(exponent: 3)), x)
    default: x = try unary(.globalAveragePool(GlobalAveragePool()), x)
    }
    if chance(0.3) { x = try unary(.dropout(Dropout(rate: 0.5)), x) }
    x = try unary(.flatten(Flatten()), x)
    if chance(0.3) { x = try unary(.flatten(Flatten()), x) }
    if chance(0.5) { try builder.output(GraphOutput.features, x) }
    let features = builder[x].type.elementCount
    let classes = number(2...5)
    let hasBias = chance(0.7)
    var operands = [x, try builder.constant(name("weight"), shape: [classes, features])]
    if hasBias { operands.append(try builder.constant(name("bias"), shape: [classes])) }
    x = try builder.append(.linear(Linear(hasBias: hasBias)), operands, name: name("fc"))
    try builder.output(GraphOutput.logits, x)
    if chance(0.2) {
      try builder.output(
        "probabilities", try unary(count % 2 == 0 ? .softmax(Softmax()) : .logSoftmax(LogSoftmax()), x))
    }
  }
}
