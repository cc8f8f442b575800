import FixresBase
import FixresFormats
import TestSupport

/// Writes ONNX models a field at a time, right or wrong.
struct OnnxMessage {
  var bytes: [UInt8] = []

  static func varint(_ value: UInt64) -> [UInt8] {
    var (rest, bytes) = (value, [UInt8]())
    while rest >= 0x80 {
      bytes.append(UInt8(rest & 0x7F) | 0x80)
      rest >>= 7
    }
    return bytes + [UInt8(rest)]
  }

  func number(_ field: Int, _ value: Int) -> OnnxMessage {
    OnnxMessage(
      bytes: bytes + Self.varint(UInt64(field) << 3) + Self.varint(UInt64(bitPattern: Int64(value))))
  }

  func data(_ field: Int, _ data: [UInt8]) -> OnnxMessage {
    OnnxMessage(bytes: bytes + Self.varint(UInt64(field) << 3 | 2) + Self.varint(UInt64(data.count)) + data)
  }

  func text(_ field: Int, _ text: String) -> OnnxMessage { data(field, Array(text.utf8)) }
}

/// A tiny network `Conv, GlobalAveragePool, Flatten, Gemm` whose parts a test replaces.
struct OnnxSketch {
  typealias Attribute = (name: String, values: [Int])

  var nodes: [[UInt8]] = [
    node("Conv", ["data", "w"], "c"), node("GlobalAveragePool", ["c"], "p"), node("Flatten", ["p"], "f"),
    node("Gemm", ["f", "v"], "out", attributes: [("transB", [1])]),
  ]
  var tensors: [[UInt8]] = [tensor("w", [2, 3, 1, 1]), tensor("v", [4, 2])]
  var inputs: [[UInt8]] = [valueInfo("data", [1, 3, 8, 8])]
  var outputs: [[UInt8]] = [valueInfo("out", [1, 4])]

  /// A list of one number is written as an integer attribute, a longer one as integers.
  static func node(
    _ op: String, _ inputs: [String], _ output: String, attributes: [Attribute] = [],
    texts: [(name: String, value: String)] = [], domain: String = ""
  ) -> [UInt8] {
    var message = OnnxMessage()
    for input in inputs { message = message.text(1, input) }
    message = message.text(2, output).text(4, op)
    if !domain.isEmpty { message = message.text(7, domain) }
    for attribute in attributes {
      var inner = OnnxMessage().text(1, attribute.name)
      for value in attribute.values { inner = inner.number(attribute.values.count == 1 ? 3 : 8, value) }
      message = message.data(5, inner.number(20, attribute.values.count == 1 ? 2 : 7).bytes)
    }
    for text in texts {
      message = message.data(5, OnnxMessage().text(1, text.name).text(4, text.value).number(20, 3).bytes)
    }
    return message.bytes
  }

  /// A node with an attribute that says its kind and no value.
  static func typed(
    _ op: String, _ inputs: [String], _ output: String, attribute: String, kind: Int
  ) -> [UInt8] {
    OnnxMessage(bytes: node(op, inputs, output))
      .data(5, OnnxMessage().text(1, attribute).number(20, kind).bytes).bytes
  }

  /// float32 elements 0.5, 1, 1.5, ...; `byteCount` says another length than the shape needs.
  static func tensor(_ name: String, _ shape: [Int], byteCount: Int? = nil) -> [UInt8] {
    var message = OnnxMessage()
    for size in shape { message = message.number(1, size) }
    let count = byteCount ?? shape.reduce(4, *)
    var raw: [UInt8] = []
    for index in 0..<count {
      let bits = (Float(index / 4 + 1) * 0.5).bitPattern
      raw.append(UInt8(truncatingIfNeeded: bits >> UInt32(index % 4 * 8)))
    }
    return message.number(2, 1).text(8, name).data(9, raw).bytes
  }

  static func whole(_ name: String, _ values: [Int]) -> [UInt8] {
    let packed = values.flatMap { OnnxMessage.varint(UInt64(bitPattern: Int64($0))) }
    return OnnxMessage().number(1, values.count).number(2, 7).data(7, packed).text(8, name).bytes
  }

  static func external(_ name: String, _ shape: [Int], _ entries: [(String, String)]) -> [UInt8] {
    var message = OnnxMessage()
    for size in shape { message = message.number(1, size) }
    message = message.number(2, 1).text(8, name)
    for entry in entries {
      message = message.data(13, OnnxMessage().text(1, entry.0).text(2, entry.1).bytes)
    }
    return message.number(14, 1).bytes
  }

  static func valueInfo(_ name: String, _ dims: [Int], type: Int = 1) -> [UInt8] {
    var shape = OnnxMessage()
    for size in dims { shape = shape.data(1, OnnxMessage().number(1, size).bytes) }
    let tensor = OnnxMessage().number(1, type).data(2, shape.bytes)
    return OnnxMessage().text(1, name).data(2, OnnxMessage().data(1, tensor.bytes).bytes).bytes
  }

  var bytes: [UInt8] {
    var graph = OnnxMessage()
    for node in nodes { graph = graph.data(1, node) }
    graph = graph.text(2, "sketch")
    for tensor in tensors { graph = graph.data(5, tensor) }
    for input in inputs { graph = graph.data(11, input) }
    for output in outputs { graph = graph.data(12, output) }
    return Self.model(graph.bytes)
  }

  static func model(_ graph: [UInt8]) -> [UInt8] {
    OnnxMessage().number(1, 8).data(7, graph).data(8, OnnxMessage().number(2, 17).bytes).bytes
  }

  /// What importing gives: nil, or the error.
  func failure(in folder: TemporaryFolder) throws -> FormatError? { try Self.failure(bytes, in: folder) }

  static func failure(_ bytes: [UInt8], in folder: TemporaryFolder) throws -> FormatError? {
    let path = folder.path + "/model.onnx"
    try AtomicFileWriter.write(bytes, to: path)
    do {
      _ = try Importer.load(path: path)
      return nil
    } catch {
      return error
    }
  }
}
