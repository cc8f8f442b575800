/// Rows and columns around `[N, C, H, W]` that mirror those inside the image's edge, which are not repeated: what
/// anti-aliased networks blur with (Zhang 2019, "Making convolutional networks shift-invariant again").
public struct ReflectPad: Hashable, Sendable {
  /// Rows and columns on each side, fewer than the image has.
  public var padding: Padding

  /// Reflection of `padding` rows and columns.
  public init(padding: Padding) { self.padding = padding }
}

extension ReflectPad: OpDefinition {
  package static let kind = Op.Kind.reflectPad
  package var asOp: Op { .reflectPad(self) }
  package var operandRoles: [OperandRole] { [.data] }
  package var attributes: [Attribute] { [Attribute("padding", .integers(padding.sides))] }

  package init(_ reader: inout AttributeReader, operands: OperandList) throws(AttributeFault) {
    self.init(padding: try reader.padding())
  }

  package func inferType(_ operands: [TensorType]) throws(TypeFault) -> TensorType {
    let data = operands[0]
    guard data.isImage else {
      throw .operandShape(operand: .data, expected: "f32[N,C,H,W]", found: data)
    }
    let size = data.spatial
    let limits = [size.height, size.width, size.height, size.width]
    for (side, limit) in zip(padding.sides, limits) where side < 0 || side >= limit {
      throw .attribute(name: "padding", found: side)
    }
    guard padding.rule == .fixed else { throw .attribute(name: "padding_rule", found: 0) }
    return .image(
      data.channels, padding.top + size.height + padding.bottom, padding.left + size.width + padding.right)
  }

  package func traits(_ operands: [TensorType]) -> OpTraits {
    padding.isZero ? [.isIdentity, .keepsSign] : .keepsSign
  }

  package var computation: Computation { .reflectPad(self) }

  /// Where the mirrored position `index` of a line of `count` lies on it.
  @inline(__always)
  package static func source(_ index: Int, of count: Int) -> Int {
    let inside = index < 0 ? -index : index
    return inside < count ? inside : 2 * (count - 1) - inside
  }
}
