import FixresBase
import FixresIR

extension OnnxExporter {
  /// Adds a node, named after its output.
  mutating func emit(
    _ op: String, _ inputs: [String], _ output: String,
    attributes: [(name: String, setting: OnnxSetting)] = []
  ) {
    var node = ProtobufWriter()
    for input in inputs { node.string(1, input) }
    node.string(2, output)
    node.string(3, output)
    node.string(4, op)
    for (name, setting) in attributes {
      node.message(5) { attribute in
        attribute.string(1, name)
        switch setting {
        case .float(let value):
          attribute.float(2, value)
          attribute.integer(20, 1)
        case .integer(let value):
          attribute.integer(3, value)
          attribute.integer(20, 2)
        case .text(let value):
          attribute.string(4, value)
          attribute.integer(20, 3)
        case .integers(let values):
          for value in values { attribute.integer(8, value) }
          attribute.integer(20, 7)
        }
      }
    }
    nodes.append(node.bytes)
  }

  /// Adds an int64 vector `[values.count]` as an initializer and returns its name.
  private mutating func vector(_ values: [Int], _ name: String) -> String {
    let name = names.unique(name)
    var tensor = ProtobufWriter()
    tensor.integer(1, values.count)
    tensor.integer(2, 7)
    tensor.string(8, name)
    tensor.data(
      9, values.flatMap { value in withUnsafeBytes(of: Int64(value).littleEndian) { Array($0) } })
    shapes.append(tensor.bytes)
    return name
  }

  /// Adds a float32 scalar as an initializer and returns its name.
  mutating func scalar(_ value: Float, _ name: String) -> String {
    let name = names.unique(name)
    var tensor = ProtobufWriter()
    tensor.integer(2, 1)
    tensor.string(8, name)
    tensor.data(9, withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) })
    shapes.append(tensor.bytes)
    return name
  }

  /// Adds the nodes for `node` of the graph.
  mutating func add(_ node: Node) {
    let graph = model.graph
    let inputs = node.operands.map { graph[$0].name }
    let output = graph[node.result].name
    switch OnnxForm(node.op) {
    case .operation(let name, let settings): emit(name, inputs, output, attributes: settings)
    case .convolution(let conv): add(conv, inputs, output, weight: graph[node.operands[1]].type.dims)
    case .stridedSlice(let slice):
      let parts = [
        ("starts", [0, 0]), ("ends", [Int.max, Int.max]), ("axes", [2, 3]),
        ("steps", [slice.strides.height, slice.strides.width]),
      ]
      emit("Slice", inputs + parts.map { vector($0.1, output + "." + $0.0) }, output)
    case .channelPad(let pad):
      let amounts = vector([0, pad.before, 0, 0, 0, pad.after, 0, 0], output + ".pads")
      emit("Pad", inputs + [amounts], output)
    case .scalarAffineClamp(let map): add(map, inputs[0], output)
    case .scalarAffine(let map): affine(inputs[0], output, scale: map.scale, offset: map.offset)
    case .clamp(let op):
      emit("Clip", [inputs[0], scalar(op.low, output + ".low"), scalar(op.high, output + ".high")], output)
    case .silu: silu(inputs[0], output)
    case .mish: mish(inputs[0], output)
    case .gelu(let op): gelu(op.form, inputs[0], output)
    case .reflectPad(let pad):
      let sides = pad.padding
      let amounts = vector(
        [0, 0, sides.top, sides.left, 0, 0, sides.bottom, sides.right], output + ".pads")
      emit("Pad", inputs + [amounts], output, attributes: [("mode", .text("reflect"))])
    case .generalizedMean(let op): generalizedMean(op, inputs[0], output)
    }
  }

  /// Adds a convolution, and for a fused one the sum and the activation behind it.
  private mutating func add(_ conv: Conv2D, _ inputs: [String], _ output: String, weight: [Int]) {
    let settings =
      OnnxForm.settings(Extent(weight[2], weight[3]), conv.strides, conv.padding)
      + [
        ("group", .integer(conv.groups)),
        ("dilations", .integers([conv.dilations.height, conv.dilations.width])),
      ]
    let isFused = conv.hasResidual || conv.activation != .none
    var last = isFused ? names.unique(output + ".conv") : output
    emit("Conv", Array(inputs.prefix(conv.hasBias ? 3 : 2)), last, attributes: settings)
    if let residual = conv.residualIndex {
      let sum = conv.activation == .none ? output : names.unique(output + ".sum")
      emit("Add", [last, inputs[residual]], sum)
      last = sum
    }
    if conv.activation == .relu { emit("Relu", [last], output) }
  }

  /// Adds the nodes for `relu(scale * x + offset)` where x > 0, else 0.
  private mutating func add(_ map: ScalarAffineClamp, _ input: String, _ output: String) {
    let product = names.unique(output + ".product")
    emit("Mul", [input, scalar(map.scale, output + ".factor")], product)
    let sum = names.unique(output + ".sum")
    emit("Add", [product, scalar(map.offset, output + ".offset")], sum)
    // With scale > 0 and offset <= 0 the sum for x <= 0 is <= 0, and the ReLU gives 0.
    if map.scale > 0, map.offset <= 0 { return emit("Relu", [sum], output) }
    let (clamped, above, mask) = (
      names.unique(output + ".clamped"), names.unique(output + ".above"), names.unique(output + ".mask")
    )
    emit("Relu", [sum], clamped)
    emit("Greater", [input, scalar(0, output + ".zero")], above)
    emit("Cast", [above], mask, attributes: [("to", .integer(1))])
    emit("Mul", [clamped, mask], output)
  }
}
