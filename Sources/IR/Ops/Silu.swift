/// `x / (1 + exp(-x))`, element by element (Elfwing et al. 2017, "Sigmoid-weighted linear units").
public struct Silu: Hashable, Sendable {
  /// The operation; it has no attributes.
  public init() {}
}

extension Silu: ElementwiseOp, PlainUnaryOp {
  package static let kind = Op.Kind.silu
  package var asOp: Op { .silu(self) }

  package func traits(_ operands: [TensorType]) -> OpTraits { [.elementwise, .keepsSign] }

  @inline(__always)
  package func value<Vector: ElementwiseVector>(at x: Vector) -> Vector { x / (1 + (-x).exponential) }
}
