import FixresBase
import FixresIR

/// Small networks as no one would train them: residuals of any value, values that nobody reads, constants that layers
/// share or that are computed, maps of one pixel, one row or one column, windows that reach beyond the map.
struct WildNetwork {
  private var builder: GraphBuilder
  private var dice: Dice
  private var count = 0
  /// Values of maps and of rows so far, the latest last.
  private var maps: [ValueID] = []
  private var rows: [ValueID] = []
  private var constants: [(shape: [Int], value: ValueID)] = []

  /// Elements of the largest value, so that a case stays cheap.
  private static let mostElements = 6000
  /// Multiply-adds of the largest layer.
  private static let mostProducts = 400_000

  /// A network of chance; nil where it found no output.
  static func make(_ dice: inout Dice) -> Graph? {
    var network = WildNetwork(builder: GraphBuilder(name: "wild"), dice: Dice(seed: dice.bits()))
    do { return try network.build() } catch { return nil }
  }

  private init(builder: GraphBuilder, dice: Dice) { (self.builder, self.dice) = (builder, dice) }

  private mutating func build() throws(IRError) -> Graph {
    let channels = dice.pick([1, 1, 2, 3, 3, 4, 5, 8, 16, 17, 33])
    let (height, width): (Int, Int) =
      switch dice.below(8) {
      case 0: (1, 1)
      case 1: (1, 1 + dice.below(120))
      case 2: (1 + dice.below(120), 1)
      case 3: (1 + dice.below(3), 1 + dice.below(60))
      case 4: (1 + dice.below(30), 1 + dice.below(30))
      default: (1 + dice.below(12), 1 + dice.below(12))
      }
    maps = [try builder.input("input", .image(channels, height, width))]
    for _ in 0..<1 + dice.below(9) { layer() }
    try head()
    return builder.build()
  }

  private mutating func name(_ base: String) -> String {
    count += 1
    return "\(base)\(count)"
  }

  // MARK: Values

  /// The latest map, or any earlier one.
  private mutating func map() -> ValueID { dice.below(5) < 3 ? maps[maps.count - 1] : dice.pick(maps) }

  /// A map of `type`, the input of the layer itself among them; nil where there is none.
  private mutating func map(of type: TensorType) -> ValueID? {
    let found = maps.filter { builder[$0].type == type }
    return found.isEmpty ? nil : dice.pick(found)
  }

  /// A constant of `shape`: a new one, one that another layer reads, or one that is computed from constants.
  private mutating func constant(_ base: String, _ shape: [Int]) throws(IRError) -> ValueID {
    let known = constants.filter { $0.shape == shape }
    if !known.isEmpty, dice.once(in: 3) { return dice.pick(known).value }
    var value = try builder.constant(name(base), shape: shape)
    if base != "variance", dice.once(in: 12) {
      let computed: (Op, [ValueID]) =
        switch dice.below(3) {
        case 0: (.multiply(.init()), [value, value])
        case 1: (.add(.init()), [value, known.last?.value ?? value])
        default: (.relu(.init()), [value])
        }
      if let result = append(computed.0, computed.1) { value = result }
    }
    // A variance is not negative, and other constants may be.
    if base != "variance" { constants.append((shape, value)) }
    return value
  }

  /// The result of `op`; nil where it does not fit its operands or would be too large.
  private mutating func append(_ op: Op, _ operands: [ValueID]) -> ValueID? {
    let types = operands.map { builder[$0].type }
    do {
      let type = try op.inferType(types)
      guard let elements = type.checkedElementCount, elements > 0, elements <= Self.mostElements,
        op.multiplyAccumulates(operands: types, result: type) <= Self.mostProducts
      else { return nil }
      return try builder.append(op, operands, name: name(op.mnemonic))
    } catch {
      return nil
    }
  }

  private mutating func add(_ op: Op, _ operands: [ValueID]) {
    guard let value = append(op, operands) else { return }
    if builder[value].type.isImage { maps.append(value) } else { rows.append(value) }
  }

  // MARK: Layers

  private mutating func layer() {
    let x = map()
    do {
      switch dice.below(16) {
      case 0, 1, 2, 3, 4: try convolution(x)
      case 5: try batchNorm(x)
      case 6, 7: elementwise(x)
      case 8: add(.add(.init()), [x, map(of: builder[x].type) ?? x])
      case 9: add(.multiply(.init()), [x, map(of: builder[x].type) ?? x])
      case 10: concat(x)
      case 11: pool(x)
      case 12: try gate(x)
      case 13: reshape(x)
      case 14: add(.reflectPad(.init(padding: padding(3))), [x])
      default: rowLayer(x)
      }
    } catch {
      return
    }
  }

  private mutating func padding(_ most: Int) -> Padding {
    let sides = (0..<4).map { _ in dice.below(most + 1) }
    return Padding(top: sides[0], left: sides[1], bottom: sides[2], right: sides[3])
  }

  private mutating func extent(_ most: Int) -> Extent { Extent(1 + dice.below(most), 1 + dice.below(most)) }

  private mutating func convolution(_ x: ValueID) throws(IRError) {
    let inputs = builder[x].type.channels
    let kernel = dice.pick([
      Extent(1, 1), Extent(1, 1), Extent(3, 3), Extent(3, 3), Extent(3, 3), Extent(2, 2), Extent(1, 3),
      Extent(5, 1),
      Extent(5, 5), extent(4),
    ])
    let divisors = (1...inputs).filter { inputs % $0 == 0 }
    let groups = dice.once(in: 4) ? dice.pick(divisors) : 1
    var outputs = groups * dice.pick([1, 2, 3, 4, 8, 16, 17])
    if dice.once(in: 3), inputs % groups == 0 { outputs = inputs }
    let dilations = dice.once(in: 6) ? extent(3) : Extent(1, 1)
    var sides = dice.once(in: 3) ? padding(3) : Padding(kernel.height / 2 * dilations.height)
    if dice.once(in: 10) {
      let rule: Padding.Rule = dice.once(in: 2) ? .sameUpper : .sameLower
      sides = Padding(top: 0, left: 0, bottom: 0, right: 0, rule: rule)
    }
    var op = Conv2D(
      strides: dice.once(in: 3) ? extent(3) : Extent(1, 1), padding: sides, groups: groups,
      hasBias: dice.once(in: 2),
      activation: dice.once(in: 3) ? .relu : .none, dilations: dilations)
    var operands = [x, try constant("weight", [outputs, inputs / groups, kernel.height, kernel.width])]
    if op.hasBias { operands.append(try constant("bias", [outputs])) }
    if sides.rule != .fixed {
      op = op.fitted(to: operands.map { builder[$0].type })
    }
    let type: TensorType
    do { type = try op.inferType(operands.map { builder[$0].type }) } catch { return }
    if dice.once(in: 2), let residual = map(of: type) {
      op.hasResidual = true
      operands.append(dice.once(in: 2) && builder[x].type == type ? x : residual)
    }
    add(.conv2d(op), operands)
  }

  private mutating func batchNorm(_ x: ValueID) throws(IRError) {
    let channels = [builder[x].type.channels]
    var operands = [x]
    for leaf in ["scale", "shift", "mean", "variance"] { operands.append(try constant(leaf, channels)) }
    add(.batchNorm(.init(epsilon: 1e-5)), operands)
  }

  private mutating func elementwise(_ x: ValueID) {
    let op = elementwiseOp()
    add(op, [x])
  }

  private mutating func elementwiseOp() -> Op {
    dice.pick([
      .relu(.init()), .relu(.init()), .relu(.init()), .identity(.init()), .dropout(.init(rate: 0.5)),
      .sigmoid(.init()),
      .hardSwish(.init()), .leakyRelu(.init(slope: 0.1)), .leakyRelu(.init(slope: -0.5)), .silu(.init()),
      .gelu(.init(form: .erf)), .gelu(.init(form: .tanh)), .mish(.init()), .clamp(.relu6),
      .clamp(.init(low: -0.5, high: 0.25)),
      .hardSigmoid(.init()), .tanh(.init()), .erf(.init()), .softplus(.init()),
      .scalarAffine(.init(scale: -2, offset: 1)),
      .scalarAffineClamp(.init(scale: 0.75, offset: 0.25)),
    ])
  }

  private mutating func concat(_ x: ValueID) {
    var operands = [x]
    for _ in 0..<dice.below(3) {
      let size = builder[x].type.spatial
      operands.append(dice.pick(maps.filter { builder[$0].type.spatial == size }))
    }
    if dice.once(in: 2) { operands.reverse() }
    add(.concat(.init(count: operands.count)), operands)
  }

  private mutating func pool(_ x: ValueID) {
    let size = builder[x].type.spatial
    let kernel = dice.once(in: 5) ? size : extent(4)
    // A window must meet a pixel.
    let pad = Padding(
      top: dice.below(kernel.height), left: dice.below(kernel.width), bottom: dice.below(kernel.height),
      right: dice.below(kernel.width))
    let window = Window(
      kernel: kernel, strides: extent(3), padding: dice.once(in: 2) ? .zero : pad, ceilMode: dice.once(in: 3))
    switch dice.below(5) {
    case 0, 1: add(.maxPool(.init(window: window)), [x])
    case 2, 3: add(.averagePool(.init(window: window, countIncludePad: dice.once(in: 2))), [x])
    default: add(globalPool(), [x])
    }
  }

  private mutating func globalPool() -> Op {
    dice.pick([
      .globalAveragePool(.init()), .globalAveragePool(.init()), .globalMaxPool(.init()),
      .generalizedMeanPool(.init(exponent: 3)),
    ])
  }

  private mutating func gate(_ x: ValueID) throws(IRError) {
    let channels = builder[x].type.channels
    guard let pooled = append(globalPool(), [x]) else { return }
    let weight = try constant("weight", [channels, channels, 1, 1])
    guard let factors = append(.conv2d(.init()), [pooled, weight]),
      let gate = append(.sigmoid(.init()), [factors])
    else { return }
    add(.channelMultiply(.init()), dice.once(in: 8) ? [x, pooled] : [x, gate])
  }

  private mutating func reshape(_ x: ValueID) {
    if dice.once(in: 2) {
      add(.stridedSlice(.init(strides: extent(3))), [x])
    } else {
      add(.channelPad(.init(before: dice.below(3), after: dice.below(3))), [x])
    }
  }

  /// A row of a map, or a layer on one.
  private mutating func rowLayer(_ x: ValueID) {
    guard let row = rows.last, dice.below(4) > 0 else { return add(.flatten(.init()), [x]) }
    do {
      switch dice.below(4) {
      case 0: elementwiseRow(row)
      case 1: add(.add(.init()), [row, dice.pick(rows.filter { builder[$0].type == builder[row].type })])
      default: try linear(row, 1 + dice.below(20))
      }
    } catch {
      return
    }
  }

  private mutating func elementwiseRow(_ row: ValueID) {
    let op = elementwiseOp()
    add(op, [row])
  }

  private mutating func linear(_ row: ValueID, _ outputs: Int) throws(IRError) {
    let hasBias = dice.once(in: 2)
    var operands = [row, try constant("weight", [outputs, builder[row].type.elementCount])]
    if hasBias { operands.append(try constant("bias", [outputs])) }
    add(.linear(.init(hasBias: hasBias)), operands)
  }

  // MARK: Outputs

  private mutating func head() throws(IRError) {
    var x = map()
    if dice.below(3) > 0, let pooled = append(globalPool(), [x]) { x = pooled }
    guard let features = append(.flatten(.init()), [x]) else {
      return try builder.output(
        GraphOutput.features, try builder.append(.flatten(.init()), [maps[0]], name: name("flatten")))
    }
    rows.append(features)
    if dice.once(in: 2) {
      try builder.output(GraphOutput.features, dice.once(in: 4) ? dice.pick(rows) : features)
    }
    try linear(features, 1 + dice.below(8))
    if dice.once(in: 6) { elementwiseRow(rows[rows.count - 1]) }
    try builder.output(GraphOutput.logits, rows[rows.count - 1])
    if dice.once(in: 6),
      let scores = append(dice.once(in: 2) ? .softmax(.init()) : .logSoftmax(.init()), [rows[rows.count - 1]])
    {
      try builder.output("probabilities", scores)
    }
  }
}
