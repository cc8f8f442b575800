/// The hyperbolic tangent, element by element.
public struct Tanh: Hashable, Sendable {
  /// The operation; it has no attributes.
  public init() {}
}

extension Tanh: ElementwiseOp, PlainUnaryOp {
  package static let kind = Op.Kind.tanh
  package var asOp: Op { .tanh(self) }

  package func traits(_ operands: [TensorType]) -> OpTraits { [.elementwise, .keepsSign] }

  @inline(__always)
  package func value<Vector: ElementwiseVector>(at x: Vector) -> Vector { x.mapped { Libm.tanh($0) } }
}
