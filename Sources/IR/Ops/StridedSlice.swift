/// Every `strides`-th row and column of `[N, C, H, W]`, from the first: the shortcut of option A (He et al. 2015,
/// section 3.3).
public struct StridedSlice: Hashable, Sendable {
  /// Distance between the rows and columns that are kept.
  public var strides: Extent

  /// Every `strides.height`-th row and `strides.width`-th column, from the first.
  public init(strides: Extent) { self.strides = strides }
}

extension StridedSlice: OpDefinition {
  package static let kind = Op.Kind.stridedSlice
  package var asOp: Op { .stridedSlice(self) }
  package var operandRoles: [OperandRole] { [.data] }
  package var attributes: [Attribute] {
    [Attribute("strides", .integers([strides.height, strides.width]))]
  }

  package init(_ reader: inout AttributeReader, operands: OperandList) throws(AttributeFault) {
    self.init(strides: try reader.extent("strides"))
  }

  package func inferType(_ operands: [TensorType]) throws(TypeFault) -> TensorType {
    let data = operands[0]
    guard data.isImage else {
      throw .operandShape(operand: .data, expected: "f32[N,C,H,W]", found: data)
    }
    for stride in [strides.height, strides.width] where stride < 1 {
      throw .attribute(name: "strides", found: stride)
    }
    let size = data.spatial
    return .image(
      data.channels, (size.height - 1) / strides.height + 1, (size.width - 1) / strides.width + 1)
  }

  package func traits(_ operands: [TensorType]) -> OpTraits {
    strides == Extent(1, 1) ? [.isIdentity, .keepsSign] : .keepsSign
  }

  package var computation: Computation { .stridedSlice(self) }
}
