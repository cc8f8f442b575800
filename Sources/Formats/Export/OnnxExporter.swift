import FixresBase
import FixresIR

/// Writes a model as ONNX: operator set 17, a symbolic batch, unchanged names, metadata in `metadata_props`.
///
/// Format: onnx.proto of onnx 1.12; field numbers in parentheses. Weights are written from the model's
/// memory, one by one, so that the file is never held in memory as a whole:
///
///     ModelProto   ir_version (1), producer_name (2), opset_import (8)
///                  graph (7): node (1) ..., name (2),
///                             initializer (5) of each weight, its raw_data (9) last,
///                             initializer (5) of small operands, input (11), output (12)
///                  metadata_props (14) ...
package struct OnnxExporter {
  /// The operator set.
  static let opset = 17
  /// The file version of onnx 1.12, which introduced the operator set.
  static let irVersion = 8
  /// Protobuf's limit on the bytes of one message.
  private static let maximumByteCount = 1 << 31

  /// The model to write.
  let model: Model
  /// The `NodeProto`s, serialised.
  var nodes: [[UInt8]] = []
  /// The `TensorProto`s of small operands (axes, pads, scalars), serialised.
  var shapes: [[UInt8]] = []
  /// Names of values that are taken.
  var names: OnnxNames

  private init(_ model: Model) {
    self.model = model
    names = OnnxNames(taken: Set(model.graph.values.map(\.name)))
  }

  /// Writes `model` to `path` through a temporary file; returns the file's size in bytes.
  ///
  /// - Throws: `FormatError.onnx` for a model of 2 GB or more, `.file`.
  package static func write(_ model: Model, to path: String) throws(FormatError) -> Int {
    var exporter = OnnxExporter(model)
    for node in model.graph.nodes { exporter.add(node) }
    return try exporter.write(path)
  }

  // MARK: File

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

  /// The initializer (field 5) of a weight up to its raw bytes, which the caller writes behind it.
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

  /// The fields of the graph before and after its weights.
  private func frame() -> (start: [UInt8], end: [UInt8]) {
    let graph = model.graph
    var start = ProtobufWriter()
    for node in nodes { start.data(1, node) }
    start.string(2, graph.name)
    var end = ProtobufWriter()
    for shape in shapes { end.data(5, shape) }
    for input in graph.inputs { end.data(11, valueInfo(graph[input])) }
    // A network without a classifier ends in its features.
    let result = graph.output(GraphOutput.logits) ?? graph.output(GraphOutput.features)
    if let result { end.data(12, valueInfo(graph[result])) }
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

  /// `metadata_props`: facts for people, and the whole metadata as JSON for a later import.
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
