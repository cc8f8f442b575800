/// `x * tanh(log(1 + exp(x)))`, element by element (Misra 2019, "Mish").
public struct Mish: Hashable, Sendable {
  /// The operation; it has no attributes.
  public init() {}
}

extension Mish: ElementwiseOp, PlainUnaryOp {
  package static let kind = Op.Kind.mish
  package var asOp: Op { .mish(self) }

  package func traits(_ operands: [TensorType]) -> OpTraits { [.elementwise, .keepsSign] }

  @inline(__always)
  package func value<Vector: ElementwiseVector>(at x: Vector) -> Vector {
    x.mapped { $0 * Libm.tanh(Libm.softplus($0)) }
  }
}
