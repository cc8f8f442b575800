/// `x * relu6(x + 3) / 6`, element by element (Howard et al. 2019, "Searching for MobileNetV3", section 5.2).
public struct HardSwish: Hashable, Sendable {
  /// The operation; it has no attributes.
  public init() {}
}

extension HardSwish: ElementwiseOp, PlainUnaryOp {
  package static let kind = Op.Kind.hardSwish
  package var asOp: Op { .hardSwish(self) }

  package func traits(_ operands: [TensorType]) -> OpTraits { [.elementwise, .keepsSign] }

  @inline(__always)
  package func value<Vector: ElementwiseVector>(at x: Vector) -> Vector {
    x * ((x + 3).clamped(from: 0).clamped(through: 6) / 6)
  }
}
