import FixresIR

/// Finds operations that an exporter has written with several operators: SiLU, GELU, Mish, hard sigmoid and swish, and
/// a product with a number and a sum.
struct ActivationPatterns {
  private var rewriter: Rewriter

  /// `graph` with each of them as one operation.
  static func recognised(in graph: Graph) throws(IRError) -> Graph {
    var patterns = ActivationPatterns(rewriter: Rewriter(graph))
    guard try patterns.rewrite() else { return graph }
    return patterns.rewriter.finish()
  }

  /// False where there are none.
  private mutating func rewrite() throws(IRError) -> Bool {
    var isChanged = false
    for node in rewriter.nodeIDs {
      guard let found = activation(rewriter[node].result) ?? sum(rewriter[node].result) else { continue }
      try rewriter.update(node, op: found.op, operands: [found.operand])
      isChanged = true
    }
    for node in rewriter.nodeIDs.reversed() {
      let result = rewriter[node].result
      guard rewriter.useCount(of: result) == 0, !rewriter.isOutput(result) else { continue }
      rewriter.erase(node)
      isChanged = true
    }
    return isChanged
  }

  private typealias Found = (op: Op, operand: ValueID)

  private func op(of value: ValueID) -> Op? { rewriter.producer(of: value).map { rewriter[$0].op } }

  private func operand(of value: ValueID) -> ValueID? {
    rewriter.producer(of: value).map { rewriter[$0].operands[0] }
  }

  private func activation(_ value: ValueID) -> Found? {
    let outer = affine(value)
    if outer.offset == 0, case .clamp(.relu6)? = op(of: outer.base), let clamped = operand(of: outer.base),
      isClose(outer.scale, 1 / 6)
    {
      let inner = affine(clamped)
      return inner.scale == 1 && inner.offset == 3 ? (.hardSigmoid(.init()), inner.base) : nil
    }
    guard outer.offset == 0, case .multiply? = op(of: outer.base),
      let product = rewriter.producer(of: outer.base)
    else { return nil }
    let operands = rewriter[product].operands
    return match(operands[0], operands[1], outer.scale) ?? match(operands[1], operands[0], outer.scale)
  }

  /// A product with a number, then a sum: no more than that, as each of the two is rounded.
  private func sum(_ value: ValueID) -> Found? {
    guard case .scalarAffine(let last)? = op(of: value), last.scale == 1, let product = operand(of: value),
      rewriter.useCount(of: product) == 1, !rewriter.isOutput(product),
      case .scalarAffine(let first)? = op(of: product), first.offset == 0, let x = operand(of: product)
    else { return nil }
    return (.scalarAffine(.init(scale: first.scale, offset: last.offset)), x)
  }

  /// `scale * x * gate`, where that is an activation of x.
  private func match(_ x: ValueID, _ gate: ValueID, _ scale: Double) -> Found? {
    if scale == 1, let gated = operand(of: gate) {
      if case .sigmoid? = op(of: gate), gated == x { return (.silu(.init()), x) }
      if case .hardSigmoid? = op(of: gate), gated == x { return (.hardSwish(.init()), x) }
      if case .tanh? = op(of: gate), case .softplus? = op(of: gated), operand(of: gated) == x {
        return (.mish(.init()), x)
      }
    }
    if let found = hardSwish(x, gate, scale) { return found }
    let (factor, share) = (affine(x), affine(gate))
    guard factor.offset == 0, isClose(scale * factor.scale * share.scale, 0.5),
      isClose(scale * factor.scale * share.offset, 0.5), let argument = operand(of: share.base)
    else { return nil }
    let inner = affine(argument)
    guard inner.offset == 0 else { return nil }
    if case .erf? = op(of: share.base), inner.base == factor.base, isClose(inner.scale, Gelu.rootOfHalf) {
      return (.gelu(.init(form: .erf)), factor.base)
    }
    if case .tanh? = op(of: share.base), isClose(inner.scale, Gelu.rootOfTwoOverPi),
      isCubic(inner.base, of: factor.base)
    {
      return (.gelu(.init(form: .tanh)), factor.base)
    }
    return nil
  }

  /// `x * relu6(x + 3) / 6` with the sixth anywhere.
  private func hardSwish(_ x: ValueID, _ gate: ValueID, _ scale: Double) -> Found? {
    let share = affine(gate)
    guard share.offset == 0, isClose(scale * share.scale, 1 / 6), case .clamp(.relu6)? = op(of: share.base),
      let clamped = operand(of: share.base)
    else { return nil }
    let inner = affine(clamped)
    return inner.base == x && inner.scale == 1 && inner.offset == 3 ? (.hardSwish(.init()), x) : nil
  }

  /// Whether `sum` is x + 0.044715 x^3.
  private func isCubic(_ sum: ValueID, of x: ValueID) -> Bool {
    guard let node = rewriter.producer(of: sum), case .add = rewriter[node].op else { return false }
    let operands = rewriter[node].operands
    return operands.indices.contains { index in
      let cube = affine(operands[1 - index])
      return operands[index] == x && cube.offset == 0 && isClose(cube.scale, Gelu.cubic)
        && factors(cube.base) == [x, x, x]
    }
  }

  /// The factors of a product of up to three.
  private func factors(_ value: ValueID, depth: Int = 2) -> [ValueID] {
    guard depth > 0, let node = rewriter.producer(of: value), case .multiply = rewriter[node].op else {
      return [value]
    }
    return rewriter[node].operands.flatMap { factors($0, depth: depth - 1) }
  }

  /// Products and sums with numbers that are taken together.
  private static let longestChain = 8

  /// `value` as `scale * base + offset`.
  private func affine(_ value: ValueID) -> (base: ValueID, scale: Double, offset: Double) {
    var (base, scale, offset) = (value, 1.0, 0.0)
    for _ in 0..<Self.longestChain {
      guard case .scalarAffine(let map)? = op(of: base), let operand = operand(of: base) else { break }
      offset += scale * Double(map.offset)
      scale *= Double(map.scale)
      base = operand
    }
    return (base, scale, offset)
  }

  private func isClose(_ a: Double, _ b: Double) -> Bool { (a - b).magnitude < 1e-6 }
}
