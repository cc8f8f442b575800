import FixresIR

/// How an operation is written as ONNX.
enum OnnxForm {
  /// One operator with these attributes, whose inputs are the operation's operands.
  ///
  /// An element-wise operation without attributes that has this form is read back by the operator's name.
  case operation(String, [(name: String, setting: OnnxSetting)] = [])
  /// An operator with inputs or attributes that follow from the graph, or several operators.
  case convolution(Conv2D)
  case stridedSlice(StridedSlice)
  case channelPad(ChannelPad)
  case scalarAffineClamp(ScalarAffineClamp)
  case scalarAffine(ScalarAffine)
  case clamp(Clamp)
  case silu, mish
  case gelu(Gelu)
  case reflectPad(ReflectPad)
  case generalizedMean(GeneralizedMeanPool)
}

/// The value of a node's attribute.
enum OnnxSetting {
  case integer(Int)
  case integers([Int])
  case float(Float)
  case text(String)
}

extension OnnxForm {
  init(_ op: Op) {
    switch op {
    case .conv2d(let op): self = .convolution(op)
    case .batchNorm(let op):
      self = .operation("BatchNormalization", [("epsilon", .float(Float(op.epsilon)))])
    case .relu: self = .operation("Relu")
    case .add: self = .operation("Add")
    case .maxPool(let op): self = .operation("MaxPool", Self.settings(op.window))
    case .averagePool(let op):
      let counts = op.countIncludePad ? 1 : 0
      self = .operation(
        "AveragePool", Self.settings(op.window) + [("count_include_pad", .integer(counts))])
    case .globalAveragePool: self = .operation("GlobalAveragePool")
    case .globalMaxPool: self = .operation("GlobalMaxPool")
    case .flatten: self = .operation("Flatten", [("axis", .integer(1))])
    case .linear: self = .operation("Gemm", [("transB", .integer(1))])
    case .sigmoid: self = .operation("Sigmoid")
    case .channelMultiply: self = .operation("Mul")
    case .stridedSlice(let op): self = .stridedSlice(op)
    case .channelPad(let op): self = .channelPad(op)
    case .softmax: self = .operation("Softmax", [("axis", .integer(-1))])
    case .scalarAffineClamp(let op): self = .scalarAffineClamp(op)
    case .identity, .dropout: self = .operation("Identity")
    case .hardSwish: self = .operation("HardSwish")
    case .leakyRelu(let op): self = .operation("LeakyRelu", [("alpha", .float(op.slope))])
    case .silu: self = .silu
    case .gelu(let op): self = .gelu(op)
    case .mish: self = .mish
    case .clamp(let op): self = .clamp(op)
    case .hardSigmoid: self = .operation("HardSigmoid", [("alpha", .float(1 / 6)), ("beta", .float(0.5))])
    case .tanh: self = .operation("Tanh")
    case .erf: self = .operation("Erf")
    case .softplus: self = .operation("Softplus")
    case .scalarAffine(let op): self = .scalarAffine(op)
    case .multiply: self = .operation("Mul")
    case .concat: self = .operation("Concat", [("axis", .integer(1))])
    case .reflectPad(let op): self = .reflectPad(op)
    case .generalizedMeanPool(let op): self = .generalizedMean(op)
    case .logSoftmax: self = .operation("LogSoftmax", [("axis", .integer(-1))])
    }
  }

  /// Element-wise operations by the name of the ONNX operator that is each, for the importer.
  static let elementwise: [String: Op] = {
    var operations: [String: Op] = [:]
    for kind in Op.Kind.allCases {
      guard let op = kind.definition.parameterless, case .elementwise = op.computation,
        case .operation(let name, let settings) = OnnxForm(op), settings.isEmpty
      else { continue }
      operations[name] = op
    }
    return operations
  }()

  static func settings(_ window: Window) -> [(name: String, setting: OnnxSetting)] {
    settings(window.kernel, window.strides, window.padding)
      + [("ceil_mode", .integer(window.ceilMode ? 1 : 0))]
  }

  static func settings(
    _ kernel: Extent, _ strides: Extent, _ padding: Padding
  ) -> [(name: String, setting: OnnxSetting)] {
    let sides: (String, OnnxSetting) =
      switch padding.rule {
      case .fixed: ("pads", .integers(padding.sides))
      case .sameUpper: ("auto_pad", .text("SAME_UPPER"))
      case .sameLower: ("auto_pad", .text("SAME_LOWER"))
      }
    return [
      ("kernel_shape", .integers([kernel.height, kernel.width])),
      ("strides", .integers([strides.height, strides.width])), sides,
    ]
  }
}
