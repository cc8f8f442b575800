import FixresBase
import FixresIR

/// Constant folding: nodes that compute constants from constants.
extension OnnxImporter {
  /// Evaluates `node` if its result is a constant; false for other nodes.
  ///
  /// - Throws: `FormatError.onnx`, for an operator that is not evaluated.
  mutating func visitConstant(_ node: OnnxNode) throws(FormatError) -> Bool {
    if node.op == "Constant" {
      try literal(node)
      return true
    }
    // Their second inputs state a type or a shape and may be of any kind.
    if node.op == "CastLike" || node.op == "Expand", let first = node.input(0),
      case .constant(var source) = values[first]
    {
      if node.op == "Expand" { source = try expanded(source, node) }
      source.name = node.outputs[0]
      try set(node, .constant(source))
      return true
    }
    let isPlain = node.inputs.allSatisfy { name in
      if name.isEmpty { return true }
      if case .constant = values[name] { return true }
      return false
    }
    guard isPlain, !node.inputs.isEmpty else {
      guard node.op == "ConstantOfShape" else { return false }
      try fill(node)
      return true
    }
    switch node.op {
    case "ConstantOfShape": try fill(node)
    case "Shape": return false
    case "Identity", "Dropout":
      var source = try constant(node, 0)
      source.name = node.outputs[0]
      try set(node, .constant(source))
    case "Cast": try castConstant(node)
    case "Transpose", "Slice", "Concat":
      if try integerView(node) { return true }
      guard node.op == "Transpose" else { return try visitConstantSizes(node) }
      let source = try constant(node, 0)
      let order = node.integers("perm") ?? Array(source.shape.indices.reversed())
      try set(node, .constant(try permuted(source, order, node)))
    case "Reshape", "Squeeze", "Unsqueeze", "Flatten": try reshapeConstant(node)
    case "Add", "Sub", "Mul", "Div", "Sqrt", "Reciprocal", "Neg": try arithmeticOfConstants(node)
    case "Gather": return try visitConstantSizes(node)
    default: throw fault(node, "an operator of a ResNet", node.op.debugDescription)
    }
    return true
  }

  /// Evaluates `node`, whose inputs are constants, as sizes: only integers.
  private mutating func visitConstantSizes(_ node: OnnxNode) throws(FormatError) -> Bool {
    guard try constant(node, 0).isInteger, let first = node.input(0) else {
      throw fault(node, "weights as they are stored", "\(node.op) of constants")
    }
    let original = values[first]
    values[first] = .sizes(
      try sizes(node, 0), isScalar: try constant(node, 0).shape.isEmpty)
    defer { values[first] = original }
    return try visitSizes(node)
  }

  /// Integers of any width stay integers, floats of any width floats; only the kind is converted.
  private mutating func castConstant(_ node: OnnxNode) throws(FormatError) {
    var source = try constant(node, 0)
    source.name = node.outputs[0]
    let toFloat = [1, 10, 11, 16].contains(node.integer("to", default: 0))
    if toFloat, source.isInteger {
      source.source = .floats(try floats(source, node))
      source.isInteger = false
    } else if !toFloat, !source.isInteger {
      source = try whole(source, node)
    }
    try set(node, .constant(source))
  }

  /// `source`, a single number, repeated to the shape in input 1.
  private func expanded(_ source: OnnxConstant, _ node: OnnxNode) throws(FormatError) -> OnnxConstant {
    let shape = try knownNumbers(node, 1)
    guard source.shape != shape else { return source }
    guard source.count == 1, source.shape.count <= shape.count, shape.count <= 8,
      let count = Int.checkedProduct(shape), count <= 1 << 26
    else { throw fault(node, "one number to repeat", "\(source.shape) to \(shape.prefix(9))") }
    var result = source
    result.source = .filled(try floats(source, node).floats[0])
    result.shape = shape
    return result
  }

  /// `source`, floats, truncated to integers, as shape arithmetic of opset 8 does.
  private func whole(_ source: OnnxConstant, _ node: OnnxNode) throws(FormatError) -> OnnxConstant {
    guard source.count <= 64 else { throw fault(node, "at most 64 whole numbers", "\(source.count)") }
    let numbers = try floats(source, node).floats.map { Int64(exactly: $0.rounded(.towardZero)) }
    let known = numbers.compactMap { $0 }
    guard known.count == numbers.count else { throw fault(node, "numbers within 64 bits", "others") }
    var result = source
    result.source = .stored(Self.whole(known, source.shape.map { Int64($0) }, source.name))
    result.isInteger = true
    return result
  }

  static func whole(_ numbers: [Int64], _ shape: [Int64], _ name: String) -> OnnxTensor {
    var tensor = OnnxTensor()
    (tensor.name, tensor.dims, tensor.elementCode) = (name, shape, 7)
    (tensor.loose, tensor.looseField) = (numbers.map { UInt64(bitPattern: $0) }, 7)
    return tensor
  }

  private mutating func literal(_ node: OnnxNode) throws(FormatError) {
    let name = node.outputs[0]
    if let tensor = node.attribute("value")?.tensor {
      return try set(node, .constant(try constant(of: tensor, name: name)))
    }
    func floats(_ numbers: [Float], _ shape: [Int]) -> OnnxValue {
      .constant(
        OnnxConstant(
          name: name, shape: shape, source: .floats(Tensor(shape: shape, numbers)), isInteger: false))
    }
    if let number = node.attribute("value_int")?.integer {
      try set(node, .constant(try constant(of: Self.whole([number], [], name), name: name)))
    } else if let numbers = node.attribute("value_ints")?.integers {
      try set(
        node, .constant(try constant(of: Self.whole(numbers, [Int64(numbers.count)], name), name: name)))
    } else if let number = node.attribute("value_float")?.float {
      try set(node, floats([number], []))
    } else if let numbers = node.attribute("value_floats")?.floats {
      try set(node, floats(numbers, [numbers.count]))
    } else {
      throw fault(node, "a tensor or numbers as its value", "none")
    }
  }

  private mutating func fill(_ node: OnnxNode) throws(FormatError) {
    let shape = try knownNumbers(node, 0)
    guard shape.count <= 8, let count = Int.checkedProduct(shape), count <= 1 << 26 else {
      throw fault(node, "a shape of at most \(1 << 26) elements", "\(shape.prefix(9))")
    }
    var value: Float = 0
    var isInteger = false
    if let tensor = node.attribute("value")?.tensor {
      let one = try reader.floats(tensor)
      guard one.elementCount == 1 else { throw fault(node, "one number as its value", "\(one.shape)") }
      (value, isInteger) = (one.floats[0], tensor.isInteger)
    }
    try set(
      node,
      .constant(
        OnnxConstant(name: node.outputs[0], shape: shape, source: .filled(value), isInteger: isInteger)))
  }

  private mutating func reshapeConstant(_ node: OnnxNode) throws(FormatError) {
    let source = try constant(node, 0)
    var shape = source.shape
    switch node.op {
    case "Flatten":
      let axis = try axisIndex(node.integer("axis", default: 1), of: shape.count + 1, node)
      shape = [shape[..<axis].reduce(1, *), shape[axis...].reduce(1, *)]
    case "Squeeze":
      let stated = try axes(node, input: 1, count: shape.count)
      let removed = stated ?? shape.indices.filter { shape[$0] == 1 }
      guard removed.allSatisfy({ shape[$0] == 1 }) else { throw fault(node, "axes of size 1", "\(shape)") }
      shape = shape.indices.filter { !removed.contains($0) }.map { shape[$0] }
    case "Unsqueeze":
      let listed = try numbers(node, "axes", 1)
      guard listed.count + shape.count <= 8 else { throw fault(node, "at most 8 axes", "\(listed.count)") }
      let stated = try axes(node, input: 1, count: shape.count + listed.count)
      for axis in (stated ?? []).sorted() {
        guard axis <= shape.count else { throw fault(node, "an axis of its result", "\(axis)") }
        shape.insert(1, at: axis)
      }
    default:
      var target = try numbers(node, "shape", 1)
      guard target.count <= 8, target.count(where: { $0 == -1 }) <= 1 else {
        throw fault(node, "at most one -1 in 8 axes", "\(target.prefix(9))")
      }
      for (index, size) in target.enumerated() where size == 0 && index < shape.count {
        target[index] = shape[index]
      }
      if let inferred = target.firstIndex(of: -1) {
        target[inferred] = 1
        guard let product = Int.checkedProduct(target), product > 0 else {
          throw fault(node, "sizes that divide \(source.count)", "\(target)")
        }
        target[inferred] = source.count / product
      }
      shape = target
    }
    guard Int.checkedProduct(shape) == source.count else {
      throw fault(node, "a shape of \(source.count) elements", "\(shape)")
    }
    try set(node, .constant(try reshaped(source, shape, node)))
  }

  private func reshaped(
    _ source: OnnxConstant, _ shape: [Int], _ node: OnnxNode
  ) throws(FormatError) -> OnnxConstant {
    var result = source
    result.shape = shape
    result.name = node.outputs[0]
    switch source.source {
    case .filled: break
    case .floats(let tensor): result.source = .floats(Tensor(shape: shape, bytes: tensor.bytes))
    case .stored(var tensor):
      tensor.dims = shape.map { Int64($0) }
      result.source = .stored(tensor)
    }
    return result
  }

  private mutating func arithmeticOfConstants(_ node: OnnxNode) throws(FormatError) {
    let a = try constant(node, 0)
    guard node.inputs.count == 2 else {
      guard node.inputs.count == 1, ["Sqrt", "Reciprocal", "Neg"].contains(node.op) else {
        throw fault(node, "two inputs", "\(node.inputs.count)")
      }
      let result =
        switch node.op {
        case "Sqrt": try computed(a, node, shape: a.shape, { $0.squareRoot() })
        case "Neg": try computed(a, node, shape: a.shape, { -$0 })
        default: try computed(a, node, shape: a.shape, { 1 / $0 })
        }
      return try set(node, .constant(result))
    }
    let b = try constant(node, 1)
    let big = a.count >= b.count ? a : b
    guard a.count == b.count || a.count == 1 || b.count == 1 else {
      throw fault(node, "constants of one shape, or one number", "\(a.shape) and \(b.shape)")
    }
    try reader.charge(big.count, node.place)
    let (x, y) = (try floats(a, node), try floats(b, node))
    let tensor = try x.withFloats { (x) throws(FormatError) in
      try y.withFloats { (y) throws(FormatError) in
        try Tensor.granted(node.outputs[0], shape: big.shape) { target in
          for index in target.indices {
            let (u, v) = (x[x.count == 1 ? 0 : index], y[y.count == 1 ? 0 : index])
            target[index] =
              switch node.op {
              case "Add": u + v
              case "Sub": u - v
              case "Mul": u * v
              default: u / v
              }
          }
        }
      }
    }
    guard !a.isInteger, !b.isInteger else {
      throw fault(node, "constants of floating point", "whole numbers")
    }
    try set(
      node,
      .constant(
        OnnxConstant(name: node.outputs[0], shape: big.shape, source: .floats(tensor), isInteger: false)))
  }
}
