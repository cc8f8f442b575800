/// `relu6(x + 3) / 6`, element by element (Howard et al. 2019, "Searching for MobileNetV3", section 5.2).
public struct HardSigmoid: Hashable, Sendable {
  /// The operation; it has no attributes.
  public init() {}
}

extension HardSigmoid: ElementwiseOp, PlainUnaryOp {
  package static let kind = Op.Kind.hardSigmoid
  package var asOp: Op { .hardSigmoid(self) }

  package func traits(_ operands: [TensorType]) -> OpTraits { [.elementwise, .isNonNegative] }

  @inline(__always)
  package func value<Vector: ElementwiseVector>(at x: Vector) -> Vector {
    (x + 3).clamped(from: 0).clamped(through: 6) / 6
  }
}
