import FixresBase
import FixresIR

/// The role of a constant in its layer, which selects the checks of its numbers.
enum WeightRole {
  case weight, scale, other
  case variance(epsilon: Double)
}

extension OnnxImporter {
  /// A constant for `tensor`, whose shape is checked; no data is read.
  func constant(of tensor: OnnxTensor, name: String) throws(FormatError) -> OnnxConstant {
    let shape: [Int]
    do { shape = try tensor.shape() } catch { throw .onnx(path: path, error) }
    return OnnxConstant(name: name, shape: shape, source: .stored(tensor), isInteger: tensor.isInteger)
  }

  /// Input `index`, which must be a constant or known sizes.
  func constant(_ node: OnnxNode, _ index: Int) throws(FormatError) -> OnnxConstant {
    switch try value(node, index) {
    case .constant(let constant): return constant
    case .sizes(let list, let isScalar):
      let numbers = list.compactMap(\.number)
      guard numbers.count == list.count else {
        throw fault(node, "a constant as input \(index)", "the batch")
      }
      return OnnxConstant(
        name: node.inputs[index], shape: isScalar ? [] : [numbers.count],
        source: .floats(Tensor(shape: [numbers.count], numbers.map { Float($0) })), isInteger: false)
    case .activation, .product:
      throw fault(node, "a constant as input \(index)", "a value that depends on the picture")
    }
  }

  /// The elements as float32 `[constant.shape]`.
  func floats(_ constant: OnnxConstant, _ node: OnnxNode) throws(FormatError) -> Tensor {
    switch constant.source {
    case .floats(let tensor): return tensor
    case .stored(let tensor): return try reader.floats(tensor)
    case .filled(let value):
      return try reader.filled(value, constant.shape, node.place)
    }
  }

  /// The elements of a small integer constant in row-major order.
  func integers(_ constant: OnnxConstant, _ node: OnnxNode) throws(FormatError) -> [Int] {
    guard case .stored(let tensor) = constant.source, constant.isInteger else {
      if case .filled(let value) = constant.source, constant.isInteger, constant.count <= 64,
        let whole = Int(exactly: value)
      {
        return [Int](repeating: whole, count: constant.count)
      }
      throw fault(node, "whole numbers", "the constant \(constant.name.debugDescription)")
    }
    return try reader.integers(tensor)
  }

  // MARK: Computed constants

  /// `function` of each element of `source`, as a constant of `shape`.
  func computed(
    _ source: OnnxConstant, _ node: OnnxNode, shape: [Int], _ function: (Float) -> Float
  ) throws(FormatError) -> OnnxConstant {
    var result = source
    (result.name, result.shape, result.isInteger) = (node.outputs[0] + ".constant", shape, false)
    if case .filled(let value) = source.source {
      result.source = .filled(function(value))
      return result
    }
    try reader.charge(source.count, node.place)
    let elements = try floats(source, node)
    let tensor = try elements.withFloats { (elements) throws(FormatError) in
      try Tensor.granted(result.name, shape: shape) { target in
        for index in target.indices { target[index] = function(elements[index]) }
      }
    }
    result.source = .floats(tensor)
    return result
  }

  /// `source` as a vector `[count]`; a single number is repeated.
  func expanded(_ source: OnnxConstant, to count: Int, _ node: OnnxNode) throws(FormatError) -> OnnxConstant {
    guard source.count != count else { return source }
    let value = try floats(source, node).floats[0]
    return OnnxConstant(
      name: node.outputs[0] + ".expanded", shape: [count], source: .filled(value), isInteger: false)
  }

  /// `source` with its axes in `order`, as Transpose defines it.
  func permuted(
    _ source: OnnxConstant, _ order: [Int], _ node: OnnxNode
  ) throws(FormatError) -> OnnxConstant {
    guard order.sorted() == Array(source.shape.indices) else {
      throw fault(node, "an order of \(source.shape.count) axes", "\(order.prefix(9))")
    }
    var result = source
    result.shape = order.map { source.shape[$0] }
    if case .filled = source.source { return result }
    try reader.charge(source.count, node.place)
    let elements = try floats(source, node)
    var strides = [Int](repeating: 1, count: source.shape.count)
    for axis in source.shape.indices.dropLast().reversed() {
      strides[axis] = strides[axis + 1] * source.shape[axis + 1]
    }
    let view = CheckpointTensor(
      name: source.name, elementType: .float32, shape: result.shape, strides: order.map { strides[$0] },
      bytes: elements.bytes, elementOffset: 0)
    result.source = .floats(try view.float32())
    result.isInteger = false
    return result
  }

  // MARK: Declaration

  /// The graph's constant for `constant`, converted, checked and declared once for each shape and `form`.
  ///
  /// - Throws: `FormatError`, for another shape (up to axes of 1), unreadable data or an invalid number.
  mutating func declare(
    _ constant: OnnxConstant, _ node: OnnxNode, _ role: WeightRole, shape: [Int]? = nil, form: String = ""
  ) throws(FormatError) -> ValueID {
    let shape = shape ?? constant.shape
    guard constant.count == shape.reduce(1, *),
      constant.shape.filter({ $0 != 1 }) == shape.filter({ $0 != 1 }),
      !constant.isInteger
    else {
      throw fault(
        node, "a constant \(constant.name.debugDescription) of the shape \(shape)",
        constant.isInteger ? "whole numbers" : "\(constant.shape)")
    }
    guard constant.count > 0 else {
      throw fault(node, "weights", "the empty constant \(constant.name.debugDescription)")
    }
    let key = "\(form)\(shape) \(constant.name)"
    if let value = declared[key] { return value }
    let data: Tensor
    if case .filled(let value) = constant.source {
      data = Tensor(shape: [1], [value])
    } else {
      let read = try floats(constant, node)
      data = read.shape == shape ? read : Tensor(shape: shape, bytes: read.bytes)
    }
    let (suffix, epsilon): (String, Double) =
      switch role {
      case .weight, .other: ("", 0)
      case .scale: (".weight", 0)
      case .variance(let epsilon): (".running_var", epsilon)
      }
    do {
      try WeightCheck.check(data, name: constant.name, canonical: suffix, epsilon: epsilon, &warnings)
    } catch {
      throw .architecture(path: path, error)
    }
    let name = names.unique(constant.name)
    if case .filled(let value) = constant.source {
      fills.append((name, shape, value, node.place))
    } else {
      constants[name] = data
    }
    do {
      let value = try graph.constant(name, shape: shape)
      declared[key] = value
      return value
    } catch { throw .model(path: path, error) }
  }
}
