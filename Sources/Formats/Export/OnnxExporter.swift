import FixresBase
import FixresIR

/// Writes a model as ONNX: operator set 17, a symbolic batch, names as they are, metadata in `metadata_props`.
package struct OnnxExporter {
  /// The operator set and the file version that goes with it (onnx 1.12).
  static let opset = 17
  static let irVersion = 8
  /// Protobuf's own limit for one message.
  private static let maximumByteCount = 1 << 31

  let model: Model
  var nodes: [[UInt8]] = []
  /// Small whole-number tensors that nodes read.
  var shapes: [[UInt8]] = []
  var names: OnnxNames

  private init(_ model: Model) {
    self.model = model
    names = OnnxNames(taken: Set(model.graph.values.map(\.name)))
  }

  /// Writes `model` to `path` through a temporary file; gives the file's size in bytes.
  package static func write(_ model: Model, to path: String) throws(FormatError) -> Int {
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
