/// Checks of a node against ONNX's operator definitions: an input or attribute that an operator does not have
/// is an error, since ignoring it could change the result.
extension OnnxNode {
  /// Maximum number of inputs; variadic operators are not listed.
  static let inputCounts = [
    "Conv": 3, "BatchNormalization": 5, "MaxPool": 1, "AveragePool": 1, "GlobalAveragePool": 1,
    "GlobalMaxPool": 1, "ReduceMean": 2, "ReduceMax": 2, "ReduceProd": 2, "Gemm": 3, "MatMul": 2, "Clip": 3,
    "Add": 2, "Sub": 2, "Mul": 2, "Div": 2, "Softmax": 1, "LogSoftmax": 1,
    "Identity": 1, "Dropout": 3, "Cast": 1, "CastLike": 2, "Flatten": 1, "Reshape": 2, "Squeeze": 2,
    "Unsqueeze": 2,
    "Transpose": 1, "Pad": 4, "Slice": 5, "Expand": 2, "Shape": 1, "Gather": 2, "Constant": 0,
    "ConstantOfShape": 1, "Sqrt": 1, "Reciprocal": 1, "Neg": 1,
    "LeakyRelu": 1, "HardSigmoid": 1, "Gelu": 1, "Mish": 1, "Pow": 2,
    "GatherND": 2,
  ].merging(OnnxForm.elementwise.mapValues { _ in 1 }) { count, _ in count }

  /// The types of the attributes that are read.
  private static let kinds: [String: OnnxAttribute.Kind] = [
    "strides": .integers, "pads": .integers, "paddings": .integers, "kernel_shape": .integers,
    "dilations": .integers, "axes": .integers, "perm": .integers, "starts": .integers, "ends": .integers,
    "group": .integer, "axis": .integer, "to": .integer, "epsilon": .float, "alpha": .float, "beta": .float,
    "auto_pad": .text, "mode": .text, "ceil_mode": .integer, "count_include_pad": .integer,
    "keepdims": .integer, "transA": .integer, "transB": .integer, "allowzero": .integer, "spatial": .integer,
    "approximate": .text, "batch_dims": .integer, "training_mode": .integer, "is_test": .integer,
  ]
  /// Attributes that are 0 or 1.
  private static let flags: Set<String> = [
    "ceil_mode", "count_include_pad", "keepdims", "transA", "transB", "allowzero", "spatial", "training_mode",
    "is_test",
  ]

  /// Throws `OnnxFault` for too many inputs, a repeated attribute, or one of another type or range.
  func checkForm() throws(OnnxFault) {
    if let count = Self.inputCounts[op], inputs.count > count {
      throw OnnxFault(place, expected: "at most \(count) inputs", found: "\(inputs.count)")
    }
    var seen: Set<String> = []
    for attribute in attributes {
      let name = attribute.name
      guard seen.insert(name).inserted else {
        throw OnnxFault(place, expected: "one attribute \(name)", found: "two")
      }
      // Cast has a type by name in opset 1 to 5.
      guard let kind = Self.kinds[name], !(name == "to" && attribute.text != nil) else { continue }
      guard attribute.kindCode == kind.rawValue || attribute.kindCode == 0 else {
        throw OnnxFault(place, expected: "\(kind) as \(name)", found: "the type \(attribute.kindCode)")
      }
      if Self.flags.contains(name), let value = attribute.integer, value != 0, value != 1 {
        throw OnnxFault(place, expected: "0 or 1 as \(name)", found: "\(value)")
      }
    }
  }
}
