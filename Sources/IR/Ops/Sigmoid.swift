/// `1 / (1 + exp(-x))`, element by element.
public struct Sigmoid: Hashable, Sendable {
  /// 1 / (1 + exp(-x)).
  public init() {}
}

extension Sigmoid: ElementwiseOp, PlainUnaryOp {
  package static let kind = Op.Kind.sigmoid
  package var asOp: Op { .sigmoid(self) }

  package func traits(_ operands: [TensorType]) -> OpTraits { [.elementwise, .isNonNegative] }

  @inline(__always)
  package func value<Vector: ElementwiseVector>(at x: Vector) -> Vector { 1 / (1 + (-x).exponential) }
}
