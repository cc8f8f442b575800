/// The function applied to a fused convolution's result.
public enum Activation: String, Hashable, Sendable, CaseIterable {
  /// The value itself.
  case none
  /// max(x, 0).
  case relu
}

/// Cross-correlation of `[N, C, H, W]` with weights `[O, C/groups, kh, kw]`; then, where present, plus
/// bias `[O]`, plus a residual of the result's type, then the activation.
public struct Conv2D: Hashable, Sendable {
  /// Distance between neighbouring windows.
  public var strides: Extent
  /// Distance between neighbouring taps of the kernel.
  public var dilations: Extent
  /// Zeros around the input.
  public var padding: Padding
  /// Number of groups that input and output channels are divided into.
  public var groups: Int
  /// Whether a bias `[O]` is an operand.
  public var hasBias: Bool
  /// Whether a value of the result's type is an operand, added before the activation.
  public var hasResidual: Bool
  /// Function applied to the result.
  public var activation: Activation

  /// A convolution of the given attributes.
  public init(
    strides: Extent = Extent(1, 1), padding: Padding = .zero, groups: Int = 1, hasBias: Bool = false,
    hasResidual: Bool = false, activation: Activation = .none, dilations: Extent = Extent(1, 1)
  ) {
    self.strides = strides
    self.dilations = dilations
    self.padding = padding
    self.groups = groups
    self.hasBias = hasBias
    self.hasResidual = hasResidual
    self.activation = activation
  }
}

extension Conv2D: OpDefinition {
  package static let kind = Op.Kind.conv2d
  package var asOp: Op { .conv2d(self) }

  package var operandRoles: [OperandRole] {
    [.data, .weight] + (hasBias ? [.bias] : []) + (hasResidual ? [.residual] : [])
  }

  package var attributes: [Attribute] {
    [
      Attribute("strides", .integers([strides.height, strides.width]))
    ]
      + (isDilated ? [Attribute("dilations", .integers([dilations.height, dilations.width]))] : [])
      + Attribute.padding(padding) + [
        Attribute("groups", .integer(groups)),
        Attribute("activation", .word(activation.rawValue)),
      ]
  }

  package init(_ reader: inout AttributeReader, operands: OperandList) throws(AttributeFault) {
    guard (2...3).contains(operands.positionalCount), operands.keywords.count <= 1,
      operands.keywords.allSatisfy({ $0 == OperandRole.residual.rawValue })
    else {
      throw .operands(expected: "data, weight, an optional bias and an optional residual")
    }
    self.init(
      strides: try reader.extent("strides"), padding: try reader.padding(),
      groups: try reader.integer("groups"), hasBias: operands.positionalCount == 3,
      hasResidual: operands.keywords.count == 1, activation: try reader.word("activation"),
      dilations: try reader.extent("dilations", default: Extent(1, 1)))
  }

  /// Whether the taps of the kernel lie apart.
  package var isDilated: Bool { dilations != Extent(1, 1) }

  /// Index of the bias among the operands.
  package var biasIndex: Int? { hasBias ? 2 : nil }
  /// Index of the residual among the operands.
  package var residualIndex: Int? { hasResidual ? (hasBias ? 3 : 2) : nil }

  package func inferType(_ operands: [TensorType]) throws(TypeFault) -> TensorType {
    let data = operands[0]
    let weight = operands[1]
    guard data.isImage else {
      throw .operandShape(operand: .data, expected: "f32[N,C,H,W]", found: data)
    }
    guard !weight.batched, weight.dims.count == 4, weight.dims.allSatisfy({ $0 > 0 }) else {
      throw .operandShape(operand: .weight, expected: "f32[O,C/groups,kh,kw]", found: weight)
    }
    let outputChannels = weight.dims[0]
    guard groups >= 1, outputChannels % groups == 0, data.channels % groups == 0 else {
      throw .attribute(name: "groups", found: groups)
    }
    guard weight.dims[1] == data.channels / groups else {
      throw .channels(expected: data.channels / groups, found: weight.dims[1])
    }
    if let biasIndex, operands[biasIndex] != TensorType(batched: false, [outputChannels]) {
      throw .operandShape(operand: .bias, expected: "f32[\(outputChannels)]", found: operands[biasIndex])
    }
    for side in [dilations.height, dilations.width] where side < 1 {
      throw .attribute(name: "dilations", found: side)
    }
    let window = window(weight: weight)
    let spatial = try window.outputSize(of: data.spatial)
    let result = TensorType.image(outputChannels, spatial.height, spatial.width)
    if let residualIndex, operands[residualIndex] != result {
      throw .mismatch(operands[residualIndex], result)
    }
    return result
  }

  /// The rows and columns that the taps of a kernel span, and how they move.
  package func window(weight: TensorType) -> Window {
    Window(kernel: span(Extent(weight.dims[2], weight.dims[3])), strides: strides, padding: padding)
  }

  /// The rows and columns from the first to the last tap of `kernel`.
  package func span(_ kernel: Extent) -> Extent {
    Extent((kernel.height - 1) * dilations.height + 1, (kernel.width - 1) * dilations.width + 1)
  }

  package func multiplyAccumulates(operands: [TensorType], result: TensorType) -> Int {
    let perOutput = operands[1].dims.dropFirst().reduce(1, *)
    let (total, overflow) = result.elementCount.multipliedReportingOverflow(by: perOutput)
    return overflow ? .max : total
  }

  package func traits(_ operands: [TensorType]) -> OpTraits {
    let isPointwise = operands[1].dims.dropFirst(2).allSatisfy { $0 == 1 } && padding.isZero
    var traits: OpTraits = isPointwise && !hasResidual ? .keepsSinglePixel : []
    if activation == .relu { traits.insert(.isNonNegative) }
    return traits
  }

  package var computation: Computation { .convolution(self) }

  package func fitted(to operands: [TensorType]) -> Conv2D {
    guard padding.rule != .fixed, operands.count > 1, operands[1].dims.count == 4 else { return self }
    var fitted = self
    fitted.padding = window(weight: operands[1]).fittedPadding(to: operands[0].spatial)
    return fitted
  }
}
