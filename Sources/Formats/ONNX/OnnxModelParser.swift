import FixresBase

/// Reads a `ModelProto`. Messages are nested at fixed depths, one function for each, so that no input makes
/// it recurse.
///
/// Schema: onnx.proto of onnx 1.23; the field numbers that are read:
///
///     ModelProto      ir_version 1, producer_name 2, graph 7, opset_import 8, metadata_props 14
///       GraphProto    node 1, name 2, initializer 5, input 11, output 12, sparse_initializer 15
///         NodeProto   input 1, output 2, name 3, op_type 4, attribute 5, domain 7
///           AttributeProto  name 1, f 2, i 3, s 4, t 5, floats 7, ints 8, type 20
///         TensorProto       dims 1, data_type 2, segment 3, float_data 4, int32_data 5, int64_data 7,
///                           name 8, raw_data 9, double_data 10, uint64_data 11, external_data 13,
///                           data_location 14
///         ValueInfoProto    name 1, type 2: tensor_type 1: elem_type 1, shape 2: dim 1: dim_value 1
///
/// Graphs inside attributes (control flow) are not read: the operators that have them are refused by name.
struct OnnxModelParser {
  /// Makes the errors.
  let context: FaultContext
  /// Remaining number of nodes, names and tensors; each takes far more memory than the two bytes that declare
  /// it.
  private var budget = 1 << 18
  /// Limit on the numbers of one attribute or shape.
  private static let listLimit = 4096
  /// The newest version of the format that is known: a later one may give fields another meaning.
  static let newestVersion: Int64 = 14

  /// The model in `bytes`.
  ///
  /// - Throws: `FormatError.malformed`.
  static func parse(_ bytes: Bytes, path: String) throws(FormatError) -> OnnxModel {
    var parser = OnnxModelParser(context: FaultContext(path: path, format: .onnx))
    return try parser.model(bytes)
  }

  private init(context: FaultContext) { self.context = context }

  private mutating func spend(_ offset: Int) throws(FormatError) {
    budget -= 1
    guard budget >= 0 else {
      throw context.fault(
        .byte(offset), expected: "at most \(1 << 18) nodes, names and tensors", found: "more")
    }
  }

  private mutating func model(_ bytes: Bytes) throws(FormatError) -> OnnxModel {
    var model = OnnxModel()
    var graph: OnnxGraph?
    var hasOperatorSet = false
    var reader = ProtobufReader(bytes, context)
    while let field = try reader.next() {
      switch field.number {
      case 1: model.irVersion = try field.int64(context)
      case 2: model.producer = try field.string(context)
      case 7:
        guard graph == nil else {
          throw context.fault(.byte(field.offset), expected: "one graph", found: "a second one")
        }
        graph = try self.graph(try field.bytes(context))
      case 8:
        try spend(field.offset)
        let (domain, version) = try operatorSet(try field.bytes(context))
        if domain.isEmpty || domain == "ai.onnx" { (model.opset, hasOperatorSet) = (version, true) }
      case 14:
        try spend(field.offset)
        model.properties.append(try property(try field.bytes(context)))
      default: break
      }
    }
    model.graph = graph
    try checkVersions(model, hasOperatorSet: hasOperatorSet)
    return model
  }

  /// The versions that onnx.checker demands of a model.
  private func checkVersions(_ model: OnnxModel, hasOperatorSet: Bool) throws(FormatError) {
    guard (1...Self.newestVersion).contains(model.irVersion) else {
      throw context.fault(
        .byte(0), expected: "an ir_version from 1 to \(Self.newestVersion)", found: "\(model.irVersion)")
    }
    guard model.graph?.name.isEmpty != true else {
      throw context.fault(.byte(0), expected: "a name of the graph", found: "none")
    }
    guard hasOperatorSet == (model.irVersion >= 3) else {
      throw context.fault(
        .byte(0), expected: "an operator set from ir_version 3 on, and none before",
        found: hasOperatorSet ? "one in ir_version \(model.irVersion)" : "none")
    }
    guard (1...1000).contains(model.opset) else {
      throw context.fault(.byte(0), expected: "an operator set of 1 or more", found: "\(model.opset)")
    }
  }

  private func operatorSet(_ bytes: Bytes) throws(FormatError) -> (String, Int64) {
    var (domain, version) = ("", Int64(1))
    var reader = ProtobufReader(bytes, context)
    while let field = try reader.next() {
      switch field.number {
      case 1: domain = try field.string(context)
      case 2: version = try field.int64(context)
      default: break
      }
    }
    return (domain, version)
  }

  private func property(_ bytes: Bytes) throws(FormatError) -> (key: String, value: String) {
    var (key, value) = ("", "")
    var reader = ProtobufReader(bytes, context)
    while let field = try reader.next() {
      switch field.number {
      case 1: key = try field.string(context)
      case 2: value = try field.string(context)
      default: break
      }
    }
    return (key, value)
  }

  // MARK: Graph

  private mutating func graph(_ bytes: Bytes) throws(FormatError) -> OnnxGraph {
    var graph = OnnxGraph()
    var reader = ProtobufReader(bytes, context)
    while let field = try reader.next() {
      switch field.number {
      case 1:
        try spend(field.offset)
        graph.nodes.append(try node(try field.bytes(context)))
      case 2: graph.name = try field.string(context)
      case 5:
        try spend(field.offset)
        graph.initializers.append(try tensor(try field.bytes(context)))
      case 11:
        try spend(field.offset)
        graph.inputs.append(try valueInfo(try field.bytes(context)))
      case 12:
        try spend(field.offset)
        graph.outputs.append(try valueInfo(try field.bytes(context)))
      case 13: _ = try valueInfo(try field.bytes(context))
      case 14, 16: try skim(try field.bytes(context))
      case 15:
        try spend(field.offset)
        graph.sparse.append(try sparseName(try field.bytes(context)))
      default: break
      }
    }
    return graph
  }

  /// Reads the fields of a message that nothing needs.
  private func skim(_ bytes: Bytes) throws(FormatError) {
    var reader = ProtobufReader(bytes, context)
    while try reader.next() != nil {}
  }

  private mutating func node(_ bytes: Bytes) throws(FormatError) -> OnnxNode {
    var node = OnnxNode()
    var reader = ProtobufReader(bytes, context)
    while let field = try reader.next() {
      switch field.number {
      case 1:
        try spend(field.offset)
        node.inputs.append(try field.string(context))
      case 2:
        try spend(field.offset)
        node.outputs.append(try field.string(context))
      case 3: node.name = try field.string(context)
      case 4: node.op = try field.string(context)
      case 5:
        try spend(field.offset)
        node.attributes.append(try attribute(try field.bytes(context)))
      case 7: node.domain = try field.string(context)
      default: break
      }
    }
    return node
  }

  private mutating func attribute(_ bytes: Bytes) throws(FormatError) -> OnnxAttribute {
    var attribute = OnnxAttribute()
    var stored: Int64?
    var reader = ProtobufReader(bytes, context)
    while let field = try reader.next() {
      if let kind = OnnxAttribute.kindCodes[field.number] {
        guard stored == nil || stored == kind else {
          throw context.fault(
            .byte(field.offset), expected: "values of one type in an attribute", found: "two")
        }
        stored = kind
      }
      switch field.number {
      case 1: attribute.name = try field.string(context)
      case 2: attribute.float = try field.float(context)
      case 3: attribute.integer = try field.int64(context)
      case 4:
        // Bytes that are not UTF-8 are valid, and occur in operators of other domains.
        attribute.text = try? field.string(context)
      case 5: attribute.tensor = try tensor(try field.bytes(context))
      case 7: try field.floats(into: &attribute.floats, limit: Self.listLimit, context)
      case 8: try field.int64s(into: &attribute.integers, limit: Self.listLimit, context)
      case 20: attribute.kindCode = try field.int64(context)
      default: break
      }
    }
    if let stored, attribute.kindCode != 0, stored != attribute.kindCode {
      throw context.fault(
        .byte(bytes.offset), expected: "a value of the type that the attribute states, \(attribute.kindCode)",
        found: "one of \(stored)")
    }
    // proto3 writers omit a field whose value is zero.
    switch OnnxAttribute.Kind(rawValue: attribute.kindCode) {
    case .float: attribute.float = attribute.float ?? 0
    case .integer: attribute.integer = attribute.integer ?? 0
    case .text: attribute.text = attribute.text ?? ""
    case .tensor, .integers, nil: break
    }
    return attribute
  }

  // MARK: Types

  private mutating func valueInfo(_ bytes: Bytes) throws(FormatError) -> OnnxValueInfo {
    var info = OnnxValueInfo()
    var reader = ProtobufReader(bytes, context)
    while let field = try reader.next() {
      switch field.number {
      case 1: info.name = try field.string(context)
      case 2:
        // TypeProto, of which field 1 is a tensor's type.
        var type = ProtobufReader(try field.bytes(context), context)
        while let part = try type.next() {
          guard part.number == 1 else { continue }
          try tensorType(try part.bytes(context), &info)
          guard info.elementType != 0 else {
            throw context.fault(.byte(part.offset), expected: "an element type", found: "none")
          }
        }
      default: break
      }
    }
    return info
  }

  private mutating func tensorType(_ bytes: Bytes, _ info: inout OnnxValueInfo) throws(FormatError) {
    var reader = ProtobufReader(bytes, context)
    while let field = try reader.next() {
      switch field.number {
      case 1: info.elementType = try field.int64(context)
      case 2:
        var dims: [Int64?] = []
        var shape = ProtobufReader(try field.bytes(context), context)
        while let part = try shape.next() {
          guard part.number == 1 else { continue }
          try spend(part.offset)
          dims.append(try dimension(try part.bytes(context)))
        }
        info.dims = dims
      default: break
      }
    }
  }

  /// The extent; nil for a symbolic one.
  private func dimension(_ bytes: Bytes) throws(FormatError) -> Int64? {
    var size: Int64?
    var reader = ProtobufReader(bytes, context)
    while let field = try reader.next() {
      if field.number == 1 { size = try field.int64(context) }
    }
    return size
  }

  /// The name of a `SparseTensorProto`, which is that of its values.
  private mutating func sparseName(_ bytes: Bytes) throws(FormatError) -> String {
    var reader = ProtobufReader(bytes, context)
    while let field = try reader.next() {
      if field.number == 1 { return try tensor(try field.bytes(context)).name }
    }
    return ""
  }

  // MARK: Tensors

  private mutating func tensor(_ bytes: Bytes) throws(FormatError) -> OnnxTensor {
    var tensor = OnnxTensor()
    var reader = ProtobufReader(bytes, context)
    while let field = try reader.next() {
      switch field.number {
      case 1: try field.int64s(into: &tensor.dims, limit: Self.listLimit, context)
      case 2: tensor.elementCode = try field.int64(context)
      case 3: tensor.isSegmented = true
      case 4, 5, 7, 10, 11: try typed(field, &tensor)
      case 8: tensor.name = try field.string(context)
      case 9: tensor.raw = try field.bytes(context)
      case 13:
        try spend(field.offset)
        tensor.external.append(try property(try field.bytes(context)))
      case 14: tensor.isExternal = try field.int64(context) == 1
      default: break
      }
    }
    // Some writers leave an empty raw_data next to typed numbers.
    var fields = Set(tensor.typed.map(\.field))
    if !tensor.loose.isEmpty { fields.insert(tensor.looseField) }
    if let raw = tensor.raw, raw.count > 0 { fields.insert(9) }
    if tensor.isExternal { fields.insert(13) }
    guard fields.count <= 1 else {
      throw context.fault(
        .byte(bytes.offset), expected: "the elements of a tensor in one field", found: "\(fields.count)")
    }
    return tensor
  }

  /// Adds a part of `float_data` (4), `int32_data` (5), `int64_data` (7), `double_data` (10) or `uint64_data`
  /// (11).
  private mutating func typed(
    _ field: ProtobufReader.Field, _ tensor: inout OnnxTensor
  ) throws(FormatError) {
    let isVarint = [5, 7, 11].contains(field.number)
    switch field.payload {
    case .bytes(let bytes):
      try spend(field.offset)
      tensor.typed.append(.init(field: field.number, bytes: bytes))
    case .varint(let value) where isVarint:
      try spend(field.offset)
      tensor.loose.append(value)
    case .fixed32(let bits) where field.number == 4: tensor.loose.append(UInt64(bits))
    case .fixed64(let bits) where field.number == 10: tensor.loose.append(bits)
    default:
      throw context.fault(
        .byte(field.offset), expected: "numbers of their own wire type in field \(field.number)",
        found: "another wire type")
    }
    if !tensor.loose.isEmpty { tensor.looseField = field.number }
  }
}
