/// `scale * x + offset`, element by element.
public struct ScalarAffine: Hashable, Sendable {
  /// Factor.
  public var scale: Float
  /// Summand.
  public var offset: Float

  /// The map of `scale` and `offset`.
  public init(scale: Float, offset: Float) {
    self.scale = scale
    self.offset = offset
  }
}

extension ScalarAffine: ElementwiseOp {
  package static let kind = Op.Kind.scalarAffine
  package var asOp: Op { .scalarAffine(self) }
  package var attributes: [Attribute] {
    [Attribute("scale", .float(scale)), Attribute("offset", .float(offset))]
  }

  package init(_ reader: inout AttributeReader, operands: OperandList) throws(AttributeFault) {
    self.init(scale: try reader.float("scale"), offset: try reader.float("offset"))
  }

  package func traits(_ operands: [TensorType]) -> OpTraits {
    if scale == 1, offset == 0 { return [.elementwise, .isIdentity, .keepsSign] }
    return scale >= 0 && offset >= 0 ? [.elementwise, .keepsSign] : .elementwise
  }

  @inline(__always)
  package func value<Vector: ElementwiseVector>(at x: Vector) -> Vector { x.scaled(by: scale, plus: offset) }
}
