/// Checks of a node against the operator set that the model states, as onnx.checker makes them: an operator that the
/// set does not have, or a misspelled attribute, would otherwise be computed as if nothing were written.
extension OnnxNode {
  /// Versions of the default operator set.
  private typealias Versions = ClosedRange<Int64>

  /// `versions` up to the newest.
  private static func from(_ first: Int64) -> Versions { first...Int64.max }

  /// First version of each operator that is not in version 1.
  private static let firstVersions: [String: Int64] = [
    "CastLike": 15, "ConstantOfShape": 9, "Erf": 9, "Expand": 8, "GatherND": 11, "Gelu": 20, "HardSwish": 14,
    "Mish": 18,
  ]

  /// The attributes of each operator that is read, from onnx.defs of onnx 1.23.
  private static let attributes: [String: [String: Versions]] = {
    let old: [String: Versions] = ["consumed_inputs": 1...5]
    let axis: [String: Versions] = ["axis": from(1)]
    let binary: [String: Versions] = ["axis": 1...6, "broadcast": 1...6, "consumed_inputs": 1...5]
    let reduction: [String: Versions] = [
      "axes": 1...17, "keepdims": from(1), "noop_with_empty_axes": from(18),
    ]
    let window: [String: Versions] = [
      "auto_pad": from(1), "kernel_shape": from(1), "pads": from(1), "strides": from(1),
    ]
    return [
      "Add": binary, "Sub": binary, "Mul": binary, "Div": binary, "Pow": ["axis": 1...6, "broadcast": 1...6],
      "Relu": old, "Sigmoid": old, "Tanh": old, "Sqrt": old, "Neg": old, "Reciprocal": old, "Sum": old,
      "Erf": [:], "Expand": [:], "HardSwish": [:], "Mish": [:], "Softplus": [:], "MatMul": [:],
      "Identity": [:],
      "GlobalAveragePool": [:], "GlobalMaxPool": [:], "Concat": axis, "Flatten": axis, "Gather": axis,
      "Softmax": axis, "LogSoftmax": axis, "Transpose": ["perm": from(1)],
      "Squeeze": ["axes": 1...12], "Unsqueeze": ["axes": 1...12], "GatherND": ["batch_dims": from(12)],
      "Gelu": ["approximate": from(20)], "ConstantOfShape": ["value": from(9)],
      "ReduceMean": reduction, "ReduceMax": reduction, "ReduceProd": reduction,
      "Conv": window.merging(["dilations": from(1), "group": from(1)]) { $1 },
      "MaxPool": window.merging(["ceil_mode": from(10), "dilations": from(10), "storage_order": from(8)]) {
        $1
      },
      "AveragePool": window.merging(
        ["ceil_mode": from(10), "count_include_pad": from(7), "dilations": from(19)]) { $1 },
      "BatchNormalization": [
        "consumed_inputs": 1...5, "epsilon": from(1), "is_test": 1...6, "momentum": from(1), "spatial": 1...8,
        "training_mode": from(14),
      ],
      "Cast": ["to": from(1), "saturate": from(19), "round_mode": from(24)],
      "CastLike": ["saturate": from(19), "round_mode": from(24)],
      "Clip": ["consumed_inputs": 1...5, "max": 1...10, "min": 1...10],
      "Constant": [
        "value": from(1), "sparse_value": from(11), "value_float": from(12), "value_floats": from(12),
        "value_int": from(12), "value_ints": from(12), "value_string": from(12), "value_strings": from(12),
      ],
      "Dropout": ["consumed_inputs": 1...5, "is_test": 1...6, "ratio": 1...11, "seed": from(12)],
      "Gemm": [
        "alpha": from(1), "beta": from(1), "broadcast": 1...6, "transA": from(1), "transB": from(1),
      ],
      "HardSigmoid": ["alpha": from(1), "beta": from(1), "consumed_inputs": 1...5],
      "LeakyRelu": ["alpha": from(1), "consumed_inputs": 1...5],
      "Pad": ["mode": from(1), "paddings": 1...1, "pads": 2...10, "value": 1...10],
      "Reshape": ["allowzero": from(14), "consumed_inputs": 1...4, "shape": 1...4],
      "Shape": ["end": from(15), "start": from(15)],
      "Slice": ["axes": 1...9, "ends": 1...9, "starts": 1...9],
    ]
  }()

  /// Throws `OnnxFault` for an operator or an attribute that version `opset` of the default operator set does not have,
  /// and for an attribute without a type in a model of `irVersion`.
  func checkSchema(opset: Int64, irVersion: Int64) throws(OnnxFault) {
    guard domain.isEmpty || domain == "ai.onnx", let known = Self.attributes[op] else { return }
    if let first = Self.firstVersions[op], opset < first {
      throw OnnxFault(place, expected: "an operator set from version \(first) on", found: "\(opset)")
    }
    for attribute in attributes {
      guard let versions = known[attribute.name], versions.contains(opset) else {
        // Names that begin so are the tools' own.
        if attribute.name.hasPrefix("__") { continue }
        throw OnnxFault(
          place, expected: "attributes of \(op) in operator set \(opset)",
          found: attribute.name.debugDescription)
      }
      if attribute.kindCode == 0, irVersion >= 2 {
        throw OnnxFault(place, expected: "a type of the attribute \(attribute.name)", found: "none")
      }
    }
  }
}
