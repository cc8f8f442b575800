/// `log(1 + exp(x))`, element by element.
public struct Softplus: Hashable, Sendable {
  /// The operation; it has no attributes.
  public init() {}
}

extension Softplus: ElementwiseOp, PlainUnaryOp {
  package static let kind = Op.Kind.softplus
  package var asOp: Op { .softplus(self) }

  package func traits(_ operands: [TensorType]) -> OpTraits { [.elementwise, .isNonNegative] }

  @inline(__always)
  package func value<Vector: ElementwiseVector>(at x: Vector) -> Vector { x.mapped { Libm.softplus($0) } }
}
