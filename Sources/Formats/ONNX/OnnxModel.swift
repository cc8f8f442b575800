import FixresBase

/// The part of a `ModelProto` that is read (onnx.proto of onnx 1.23); the field numbers are in
/// `OnnxModelParser`.
struct OnnxModel {
  /// Version of the file format.
  var irVersion: Int64 = 0
  /// Name of the exporter.
  var producer = ""
  /// Version of the default operator set; 1 where the file states none.
  var opset: Int64 = 1
  /// `metadata_props`.
  var properties: [(key: String, value: String)] = []
  /// The graph; nil where the file has none.
  var graph: OnnxGraph?
}

/// A `GraphProto`.
struct OnnxGraph {
  var name = ""
  var nodes: [OnnxNode] = []
  var initializers: [OnnxTensor] = []
  var inputs: [OnnxValueInfo] = []
  var outputs: [OnnxValueInfo] = []
  /// Names of sparse initializers; a node that reads one is refused.
  var sparse: [String] = []
}

/// A graph input or output, a `ValueInfoProto`.
struct OnnxValueInfo {
  var name = ""
  /// Code of the element type; 0 where the file states none.
  var elementType: Int64 = 0
  /// Extents, nil for symbolic and unknown ones; nil where the file states no shape.
  var dims: [Int64?]?
}

/// A `NodeProto`.
struct OnnxNode {
  var name = ""
  var op = ""
  var domain = ""
  var inputs: [String] = []
  var outputs: [String] = []
  var attributes: [OnnxAttribute] = []

  /// The node, for errors.
  var place: OnnxFault.Place {
    .node(name: name.isEmpty ? outputs.first { !$0.isEmpty } ?? "(unnamed)" : name, op: op)
  }

  /// Name of input `index`; nil where it is omitted.
  func input(_ index: Int) -> String? {
    index < inputs.count && !inputs[index].isEmpty ? inputs[index] : nil
  }
}

/// An `AttributeProto`.
struct OnnxAttribute {
  /// The values of `AttributeProto.AttributeType` that are read.
  enum Kind: Int64 {
    case float = 1
    case integer, text, tensor
    case integers = 7
  }

  /// The type that each field of values is of.
  static let kindCodes: [Int: Int64] = [
    2: 1, 3: 2, 4: 3, 5: 4, 6: 5, 7: 6, 8: 7, 9: 8, 10: 9, 11: 10, 14: 13, 15: 14, 22: 11, 23: 12,
  ]

  var name = ""
  /// `type`; 0 where the file does not state it, as in the first versions of ONNX.
  var kindCode: Int64 = 0
  var integer: Int64?
  var float: Float?
  var text: String?
  var tensor: OnnxTensor?
  var integers: [Int64] = []
  var floats: [Float] = []
}
