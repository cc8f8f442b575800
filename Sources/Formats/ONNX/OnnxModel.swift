import FixresBase

/// What fixresc reads of a `ModelProto` (onnx.proto of onnx 1.23, field numbers in the parser).
struct OnnxModel {
  var irVersion: Int64 = 0
  var producer = ""
  /// Version of the default operator set; 1 where the file names none.
  var opset: Int64 = 1
  var properties: [(key: String, value: String)] = []
  var graph: OnnxGraph?
}

struct OnnxGraph {
  var name = ""
  var nodes: [OnnxNode] = []
  var initializers: [OnnxTensor] = []
  var inputs: [OnnxValueInfo] = []
  var outputs: [OnnxValueInfo] = []
  /// Names of tensors stored sparsely, which nothing may read.
  var sparse: [String] = []
}

/// A graph input or output with what the file says of its shape.
struct OnnxValueInfo {
  var name = ""
  /// Element type code; 0 where the file says none.
  var elementType: Int64 = 0
  /// Dimensions, nil for those that are symbols or unknown; nil altogether without a shape.
  var dims: [Int64?]?
}

struct OnnxNode {
  var name = ""
  var op = ""
  var domain = ""
  var inputs: [String] = []
  var outputs: [String] = []
  var attributes: [OnnxAttribute] = []

  /// How faults name this node.
  var place: OnnxFault.Place {
    .node(name: name.isEmpty ? outputs.first { !$0.isEmpty } ?? "(unnamed)" : name, op: op)
  }

  /// Name of input `index`; nil where it is left out.
  func input(_ index: Int) -> String? {
    index < inputs.count && !inputs[index].isEmpty ? inputs[index] : nil
  }
}

struct OnnxAttribute {
  /// `AttributeProto.AttributeType` as far as it is read.
  enum Kind: Int64 {
    case float = 1
    case integer, text, tensor
    case integers = 7
  }

  var name = ""
  /// 0 where the file does not say, as the first versions of ONNX.
  var kindCode: Int64 = 0
  var integer: Int64?
  var float: Float?
  var text: String?
  var tensor: OnnxTensor?
  var integers: [Int64] = []
  var floats: [Float] = []
}
