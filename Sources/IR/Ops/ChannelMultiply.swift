/// Each channel of `[N, C, H, W]` times its factor in `[N, C, 1, 1]`: the gate of squeeze-and-excitation.
public struct ChannelMultiply: Hashable, Sendable {
  /// The product of an image and a factor for each channel.
  public init() {}
}

extension ChannelMultiply: OpDefinition {
  package static let kind = Op.Kind.channelMultiply
  package var asOp: Op { .channelMultiply(self) }
  package var operandRoles: [OperandRole] { [.data, .gate] }
  package var attributes: [Attribute] { [] }

  package init(_ reader: inout AttributeReader, operands: OperandList) throws(AttributeFault) { self.init() }

  package func inferType(_ operands: [TensorType]) throws(TypeFault) -> TensorType {
    let data = operands[0]
    guard data.isImage else {
      throw .operandShape(operand: .data, expected: "f32[N,C,H,W]", found: data)
    }
    guard operands[1] == .image(data.channels, 1, 1) else {
      throw .operandShape(operand: .gate, expected: "f32[N,\(data.channels),1,1]", found: operands[1])
    }
    return data
  }

  package func traits(_ operands: [TensorType]) -> OpTraits { [] }
  package var computation: Computation { .channelProduct }
}
