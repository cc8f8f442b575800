/// `max(x, 0)`, element by element.
public struct Relu: Hashable, Sendable {
  /// max(x, 0).
  public init() {}
}

extension Relu: ElementwiseOp, PlainUnaryOp {
  package static let kind = Op.Kind.relu
  package var asOp: Op { .relu(self) }

  package func traits(_ operands: [TensorType]) -> OpTraits {
    [.elementwise, .isNonNegative, .keepsNonNegative]
  }

  @inline(__always)
  package func value<Vector: ElementwiseVector>(at x: Vector) -> Vector { x.clamped(from: 0) }
}
