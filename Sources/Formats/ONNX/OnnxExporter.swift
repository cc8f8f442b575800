import FixresBase
import FixresIR

/// Writes a model as ONNX: operator set 17, a symbolic batch, names as they are, metadata in `metadata_props`.
package struct OnnxExporter {
  /// The operator set and the file version that goes with it (onnx 1.12).
  static let opset = 17
  static let irVersion = 8
  /// Protobuf's own limit for one message.
  private static let maximumByteCount = 1 << 31

  private let model: Model
  private var nodes: [[UInt8]] = []
  /// Small whole-number tensors that nodes read.
  private var shapes: [[UInt8]] = []
  private var names: Set<String>

  private init(_ model: Model) {
    self.model = model
    names = Set(model.graph.values.map(\.name))
  }

  /// Writes `model` to `path` through a temporary file; gives the file's size in bytes.
  package static func write(_ model: Model, to path: String) throws(FormatError) -> Int {
    do { try model.check() } catch { throw .model(path: path, error) }
    var exporter = OnnxExporter(model)
    for node in model.graph.nodes { exporter.add(node) }
    return try exporter.write(path)
  }

  // MARK: The file

  private func write(_ path: String) throws(FormatError) -> Int {
    let constants = model.graph.constants.map { model.graph[$0].name }
    let headers = constants.map(tensorHeader)
    let (start, end) = frame()
    var graphByteCount = start.count + end.count
    for (name, header) in zip(constants, headers) {
      graphByteCount += header.count + (model.constants[name]?.byteCount ?? 0)
    }
    guard graphByteCount < Self.maximumByteCount else {
      throw .onnx(
        path: path,
        OnnxFault(.graph, expected: "less than 2 GB of constants", found: "\(graphByteCount) bytes"))
    }
    do {
      var file = try AtomicFileWriter(path: path)
      try file.write(head())
      var graph = ProtobufWriter()
      graph.header(7, byteCount: graphByteCount)
      try file.write(graph.bytes + start)
      for (name, header) in zip(constants, headers) {
        try file.write(header)
        if let tensor = model.constants[name] { try file.write(tensor.bytes) }
      }
      try file.write(end + tail())
      let byteCount = file.byteCount
      try file.commit()
      return byteCount
    } catch {
      throw .file(error)
    }
  }

  /// Field 5 of the graph up to the raw bytes, which come last in it.
  private func tensorHeader(_ name: String) -> [UInt8] {
    guard let tensor = model.constants[name] else { return [] }
    var inner = ProtobufWriter()
    for size in tensor.shape { inner.integer(1, size) }
    inner.integer(2, 1)
    inner.string(8, name)
    inner.header(9, byteCount: tensor.byteCount)
    var field = ProtobufWriter()
    field.header(5, byteCount: inner.bytes.count + tensor.byteCount)
    return field.bytes + inner.bytes
  }

  private func head() -> [UInt8] {
    var head = ProtobufWriter()
    head.integer(1, Self.irVersion)
    head.string(2, "fixresc")
    head.message(8) { $0.integer(2, Self.opset) }
    return head.bytes
  }

  /// The graph's fields before and after its weights.
  private func frame() -> (start: [UInt8], end: [UInt8]) {
    let graph = model.graph
    var start = ProtobufWriter()
    for node in nodes { start.data(1, node) }
    start.string(2, graph.name)
    var end = ProtobufWriter()
    for shape in shapes { end.data(5, shape) }
    for input in graph.inputs { end.data(11, valueInfo(graph[input])) }
    if let logits = graph.output(GraphOutput.logits) { end.data(12, valueInfo(graph[logits])) }
    return (start.bytes, end.bytes)
  }

  private func valueInfo(_ value: Value) -> [UInt8] {
    var info = ProtobufWriter()
    info.string(1, value.name)
    info.message(2) { type in
      type.message(1) { tensor in
        tensor.integer(1, 1)
        tensor.message(2) { shape in
          shape.message(1) { $0.string(2, "N") }
          for size in value.type.dims { shape.message(1) { $0.integer(1, size) } }
        }
      }
    }
    return info.bytes
  }

  /// Facts that people read, and the whole metadata for an import to take back.
  private func tail() -> [UInt8] {
    let metadata = model.metadata
    var properties: [(String, String)] = [
      ("architecture", metadata.architecture), ("resolution", "\(model.graph.resolution)"),
      ("mean", metadata.preprocessing.mean.map { "\($0)" }.joined(separator: ",")),
      ("std", metadata.preprocessing.standardDeviation.map { "\($0)" }.joined(separator: ",")),
      ("interpolation", metadata.preprocessing.interpolation.rawValue),
      ("crop_share", "\(metadata.preprocessing.cropShare)"),
    ]
    if let size = metadata.trainResolution { properties.append(("train_resolution", "\(size)")) }
    if !metadata.labels.isEmpty { properties.append(("labels", metadata.labels.joined(separator: "\n"))) }
    properties.append(
      (OnnxImporter.metadataKey, metadata.json(testResolution: model.graph.resolution).serialized()))
    var tail = ProtobufWriter()
    for (key, value) in properties {
      tail.message(14) {
        $0.string(1, key)
        $0.string(2, value)
      }
    }
    return tail.bytes
  }
}

// MARK: - Nodes

extension OnnxExporter {
  private enum Setting {
    case integer(Int)
    case integers([Int])
    case float(Float)
  }

  private mutating func emit(
    _ op: String, _ inputs: [String], _ output: String, _ settings: [(String, Setting)] = []
  ) {
    var node = ProtobufWriter()
    for input in inputs { node.string(1, input) }
    node.string(2, output)
    node.string(3, output)
    node.string(4, op)
    for (name, setting) in settings {
      node.message(5) { attribute in
        attribute.string(1, name)
        switch setting {
        case .float(let value):
          attribute.float(2, value)
          attribute.integer(20, 1)
        case .integer(let value):
          attribute.integer(3, value)
          attribute.integer(20, 2)
        case .integers(let values):
          for value in values { attribute.integer(8, value) }
          attribute.integer(20, 7)
        }
      }
    }
    nodes.append(node.bytes)
  }

  private mutating func unique(_ name: String) -> String {
    var candidate = name
    var number = 2
    while !names.insert(candidate).inserted {
      candidate = "\(name).\(number)"
      number += 1
    }
    return candidate
  }

  /// A vector of whole numbers that a node reads as input.
  private mutating func vector(_ values: [Int], _ name: String) -> String {
    let name = unique(name)
    var tensor = ProtobufWriter()
    tensor.integer(1, values.count)
    tensor.integer(2, 7)
    tensor.string(8, name)
    tensor.data(
      9, values.flatMap { value in withUnsafeBytes(of: Int64(value).littleEndian) { Array($0) } })
    shapes.append(tensor.bytes)
    return name
  }

  /// A float scalar that a node reads as input.
  private mutating func scalar(_ value: Float, _ name: String) -> String {
    let name = unique(name)
    var tensor = ProtobufWriter()
    tensor.integer(2, 1)
    tensor.string(8, name)
    tensor.data(9, withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) })
    shapes.append(tensor.bytes)
    return name
  }

  private func window(_ window: Window) -> [(String, Setting)] {
    [
      ("kernel_shape", .integers([window.kernel.height, window.kernel.width])),
      ("strides", .integers([window.strides.height, window.strides.width])),
      ("pads", .integers(window.padding.sides)), ("ceil_mode", .integer(window.ceilMode ? 1 : 0)),
    ]
  }

  fileprivate mutating func add(_ node: Node) {
    let graph = model.graph
    let inputs = node.operands.map { graph[$0].name }
    let output = graph[node.result].name
    switch node.op {
    case .conv2d(let conv): add(conv, inputs, output, weight: graph[node.operands[1]].type.dims)
    case .batchNorm(let norm):
      emit("BatchNormalization", inputs, output, [("epsilon", .float(Float(norm.epsilon)))])
    case .relu: emit("Relu", inputs, output)
    case .add: emit("Add", inputs, output)
    case .maxPool(let pool): emit("MaxPool", inputs, output, window(pool.window))
    case .averagePool(let pool):
      emit(
        "AveragePool", inputs, output,
        window(pool.window) + [("count_include_pad", .integer(pool.countIncludePad ? 1 : 0))])
    case .globalAveragePool: emit("GlobalAveragePool", inputs, output)
    case .globalMaxPool: emit("GlobalMaxPool", inputs, output)
    case .flatten: emit("Flatten", inputs, output, [("axis", .integer(1))])
    case .linear: emit("Gemm", inputs, output, [("transB", .integer(1))])
    case .sigmoid: emit("Sigmoid", inputs, output)
    case .channelMultiply: emit("Mul", inputs, output)
    case .stridedSlice(let slice):
      let parts = [
        ("starts", [0, 0]), ("ends", [Int.max, Int.max]), ("axes", [2, 3]),
        ("steps", [slice.strides.height, slice.strides.width]),
      ]
      emit("Slice", inputs + parts.map { vector($0.1, output + "." + $0.0) }, output)
    case .channelPad(let pad):
      let amounts = vector([0, pad.before, 0, 0, 0, pad.after, 0, 0], output + ".pads")
      emit("Pad", inputs + [amounts], output)
    case .softmax: emit("Softmax", inputs, output, [("axis", .integer(-1))])
    case .scalarAffineClamp(let map): add(map, inputs[0], output)
    case .identity, .dropout: emit("Identity", inputs, output)
    }
  }

  /// A fused convolution becomes the plain one and what follows it.
  private mutating func add(_ conv: Conv2D, _ inputs: [String], _ output: String, weight: [Int]) {
    let settings: [(String, Setting)] = [
      ("kernel_shape", .integers([weight[2], weight[3]])),
      ("strides", .integers([conv.strides.height, conv.strides.width])),
      ("pads", .integers(conv.padding.sides)), ("group", .integer(conv.groups)),
    ]
    let isFused = conv.hasResidual || conv.activation != .none
    var last = isFused ? unique(output + ".conv") : output
    emit("Conv", Array(inputs.prefix(conv.hasBias ? 3 : 2)), last, settings)
    if let residual = conv.residualIndex {
      let sum = conv.activation == .none ? output : unique(output + ".sum")
      emit("Add", [last, inputs[residual]], sum)
      last = sum
    }
    if conv.activation == .relu { emit("Relu", [last], output) }
  }

  /// `relu(scale * x + offset)`, 0 where x is not above 0.
  private mutating func add(_ map: ScalarAffineClamp, _ input: String, _ output: String) {
    let product = unique(output + ".product")
    emit("Mul", [input, scalar(map.scale, output + ".factor")], product)
    let sum = unique(output + ".sum")
    emit("Add", [product, scalar(map.offset, output + ".offset")], sum)
    // With a positive scale and no positive offset nothing below 0 comes out above it.
    if map.scale > 0, map.offset <= 0 { return emit("Relu", [sum], output) }
    let (clamped, above, mask) = (
      unique(output + ".clamped"), unique(output + ".above"), unique(output + ".mask")
    )
    emit("Relu", [sum], clamped)
    emit("Greater", [input, scalar(0, output + ".zero")], above)
    emit("Cast", [above], mask, [("to", .integer(1))])
    emit("Mul", [clamped, mask], output)
  }
}
