/// Zero channels before and after those of `[N, C, H, W]`.
public struct ChannelPad: Hashable, Sendable {
  /// Zero channels before the input's.
  public var before: Int
  /// Zero channels after the input's.
  public var after: Int

  /// `before` and `after` zero channels around the input's.
  public init(before: Int, after: Int) {
    self.before = before
    self.after = after
  }
}

extension ChannelPad: OpDefinition {
  package static let kind = Op.Kind.channelPad
  package var asOp: Op { .channelPad(self) }
  package var operandRoles: [OperandRole] { [.data] }
  package var attributes: [Attribute] {
    [Attribute("before", .integer(before)), Attribute("after", .integer(after))]
  }

  package init(_ reader: inout AttributeReader, operands: OperandList) throws(AttributeFault) {
    self.init(before: try reader.integer("before"), after: try reader.integer("after"))
  }

  package func inferType(_ operands: [TensorType]) throws(TypeFault) -> TensorType {
    let data = operands[0]
    guard data.isImage else {
      throw .operandShape(operand: .data, expected: "f32[N,C,H,W]", found: data)
    }
    for (name, count) in [("before", before), ("after", after)] where count < 0 {
      throw .attribute(name: name, found: count)
    }
    return .image(data.channels + before + after, data.spatial.height, data.spatial.width)
  }

  package func traits(_ operands: [TensorType]) -> OpTraits {
    before == 0 && after == 0 ? [.isIdentity, .keepsSign] : .keepsSign
  }

  package var computation: Computation { .channelPad(self) }
}
