/// `max(0, scale * x + offset)` where x > 0, else 0: the map between two Fréchet laws with one shape parameter
/// ("Fixing the train-test resolution discrepancy", appendix A).
public struct ScalarAffineClamp: Hashable, Sendable {
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

extension ScalarAffineClamp: ElementwiseOp {
  package static let kind = Op.Kind.scalarAffineClamp
  package var asOp: Op { .scalarAffineClamp(self) }
  package var attributes: [Attribute] {
    [Attribute("scale", .float(scale)), Attribute("offset", .float(offset))]
  }

  package init(_ reader: inout AttributeReader, operands: OperandList) throws(AttributeFault) {
    self.init(scale: try reader.float("scale"), offset: try reader.float("offset"))
  }

  package func traits(_ operands: [TensorType]) -> OpTraits { [.elementwise, .isNonNegative] }

  @inline(__always)
  package func value<Vector: ElementwiseVector>(at x: Vector) -> Vector {
    x.scaled(by: scale, plus: offset).clamped(from: 0).replacing(with: 0, where: x .<= 0)
  }
}
