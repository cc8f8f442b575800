import FixresBase
import FixresIR

/// Shape arithmetic: exporters compute a Reshape's target from Shape, Gather, Concat and products. It is
/// evaluated here, with the batch as a symbol, so that none of its nodes reaches the graph:
///
///     Shape(x)                    [batch, 512, 7, 7]
///     Gather(_, 0), Unsqueeze     [batch]
///     Concat(_, [-1])             [batch, -1]            -> target of a Reshape: rows [N, F]
extension OnnxImporter {
  /// Evaluates `node` if it computes sizes; false for other nodes.
  ///
  /// - Throws: `FormatError.onnx`, for arithmetic that is not evaluated.
  mutating func visitSizes(_ node: OnnxNode) throws(FormatError) -> Bool {
    if node.op == "Shape" {
      try shape(node)
      return true
    }
    guard let first = node.input(0), case .sizes = values[first] else {
      // The first input may be a constant: Concat([-1], sizes).
      guard node.op == "Concat",
        node.inputs.contains(where: { if case .sizes = values[$0] { true } else { false } })
      else { return false }
      try set(node, .sizes(try concatenated(node), isScalar: false))
      return true
    }
    guard case .sizes(let list, let isScalar) = try value(node, 0) else { return false }
    switch node.op {
    case "Identity", "Cast", "CastLike": try pass(node)
    case "Expand":
      let shape = try knownNumbers(node, 1)
      guard shape == [1] || shape == [list.count] else { throw fault(node, "the same sizes", "\(shape)") }
      try set(node, .sizes(list, isScalar: false))
    case "Gather":
      let isScalarIndex = try constant(node, 1).shape.isEmpty
      let gathered = try knownNumbers(node, 1).map { (index) throws(FormatError) in
        list[try axisIndex(index, of: list.count, node)]
      }
      try set(node, .sizes(gathered, isScalar: isScalarIndex))
    case "Unsqueeze": try set(node, .sizes(list, isScalar: false))
    case "Squeeze": try set(node, .sizes(list, isScalar: list.count == 1))
    case "Concat": try set(node, .sizes(try concatenated(node), isScalar: false))
    case "Slice": try set(node, .sizes(try sliced(list, node), isScalar: false))
    case "Reshape": try set(node, .sizes(list, isScalar: try knownNumbers(node, 1).isEmpty))
    case "Mul", "Add", "Sub", "Div":
      try set(node, .sizes(try computed(list, try sizes(node, 1), node), isScalar: isScalar))
    case "ReduceProd":
      guard list.allSatisfy({ $0.number != nil }), let product = Int.checkedProduct(list.compactMap(\.number))
      else { throw fault(node, "a product of known sizes", "one with the batch") }
      try set(node, .sizes([.known(product)], isScalar: node.integer("keepdims", default: 1) == 0))
    default: throw fault(node, "arithmetic of sizes", node.op.debugDescription)
    }
    return true
  }

  /// Shape, with `start` and `end` of opset 15.
  private mutating func shape(_ node: OnnxNode) throws(FormatError) {
    let all: [OnnxSize]
    switch try value(node, 0) {
    case .constant(let constant): all = constant.shape.map(OnnxSize.known)
    case .sizes(let list, let isScalar): all = isScalar ? [] : [.known(list.count)]
    case .activation, .product:
      let x = try activation(node, 0, probability: true)
      all = x.axes.map { size($0, x).map(OnnxSize.known) ?? .batch }
    }
    func bound(_ name: String, _ value: Int) -> Int {
      let stated = node.integer(name, default: value)
      return min(max(stated < 0 ? stated.addingSaturated(all.count) : stated, 0), all.count)
    }
    let (start, end) = (bound("start", 0), bound("end", all.count))
    try set(node, .sizes(start < end ? Array(all[start..<end]) : [], isScalar: false))
  }

  /// The inputs of a Concat.
  private func concatenated(_ node: OnnxNode) throws(FormatError) -> [OnnxSize] {
    var all: [OnnxSize] = []
    for index in node.inputs.indices {
      all += try sizes(node, index)
      guard all.count <= 64 else { throw fault(node, "at most 64 sizes", "\(all.count)") }
    }
    return all
  }

  /// The part of `list` that a Slice takes.
  private func sliced(_ list: [OnnxSize], _ node: OnnxNode) throws(FormatError) -> [OnnxSize] {
    let starts = try numbers(node, "starts", 1)
    let ends = try numbers(node, "ends", 2)
    let steps = try node.input(4) == nil ? [1] : knownNumbers(node, 4)
    guard starts.count == 1, ends.count == 1, steps == [1] else {
      throw fault(node, "one start, one end and a step of 1", "others")
    }
    func bound(_ value: Int) -> Int {
      min(max(value < 0 ? value.addingSaturated(list.count) : value, 0), list.count)
    }
    let (start, end) = (bound(starts[0]), bound(ends[0]))
    return start < end ? Array(list[start..<end]) : []
  }

  /// Elementwise arithmetic of two vectors, of which one may be a single element.
  private func computed(
    _ a: [OnnxSize], _ b: [OnnxSize], _ node: OnnxNode
  ) throws(FormatError) -> [OnnxSize] {
    let count = max(a.count, b.count)
    guard a.count == count || a.count == 1, b.count == count || b.count == 1 else {
      throw fault(node, "two vectors of one length", "\(a.count) and \(b.count)")
    }
    return try (0..<count).map { (index) throws(FormatError) in
      let (x, y) = (a[a.count == 1 ? 0 : index], b[b.count == 1 ? 0 : index])
      // batch * 1, batch / 1, batch + 0 and batch - 0.
      let neutral = node.op == "Mul" || node.op == "Div" ? 1 : 0
      if x == .batch, y == .known(neutral) { return .batch }
      guard let x = x.number, let y = y.number else {
        throw fault(node, "arithmetic of known sizes", "the batch")
      }
      let result: Int? =
        switch node.op {
        case "Mul": x.multipliedChecked(y)
        case "Add": x.addingChecked(y)
        case "Sub": x.subtractingChecked(y)
        default: y > 0 && x >= 0 ? x / y : nil
        }
      guard let result else { throw fault(node, "sizes within 64 bits", "\(x) and \(y)") }
      return .known(result)
    }
  }

  /// Input `index` as sizes: computed ones, or the integers of a constant.
  func sizes(_ node: OnnxNode, _ index: Int) throws(FormatError) -> [OnnxSize] {
    if case .sizes(let list, _) = try value(node, index) { return list }
    return try integers(try constant(node, index), node).map(OnnxSize.known)
  }

  /// Input `index` as integers that do not depend on the batch.
  func knownNumbers(_ node: OnnxNode, _ index: Int) throws(FormatError) -> [Int] {
    let list = try sizes(node, index)
    let numbers = list.compactMap(\.number)
    guard numbers.count == list.count else {
      throw fault(node, "known numbers as input \(index)", "the batch among them")
    }
    return numbers
  }

  /// The integers in an attribute (older opsets) or else in input `index`.
  func numbers(_ node: OnnxNode, _ attribute: String, _ index: Int) throws(FormatError) -> [Int] {
    if let stated = node.integers(attribute) { return stated }
    return try knownNumbers(node, index)
  }
}
