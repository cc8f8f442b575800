/// The error function, element by element.
public struct Erf: Hashable, Sendable {
  /// The operation; it has no attributes.
  public init() {}
}

extension Erf: ElementwiseOp, PlainUnaryOp {
  package static let kind = Op.Kind.erf
  package var asOp: Op { .erf(self) }

  package func traits(_ operands: [TensorType]) -> OpTraits { [.elementwise, .keepsSign] }

  @inline(__always)
  package func value<Vector: ElementwiseVector>(at x: Vector) -> Vector { x.mapped { Libm.erf($0) } }
}
