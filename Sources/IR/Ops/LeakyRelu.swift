/// `x` where x >= 0, else `slope * x` (Maas et al. 2013, "Rectifier nonlinearities improve neural network acoustic
/// models").
public struct LeakyRelu: Hashable, Sendable {
  /// Factor of negative elements.
  public var slope: Float

  /// The operation with `slope`.
  public init(slope: Float) { self.slope = slope }
}

extension LeakyRelu: ElementwiseOp {
  package static let kind = Op.Kind.leakyRelu
  package var asOp: Op { .leakyRelu(self) }
  package var attributes: [Attribute] { [Attribute("slope", .float(slope))] }

  package init(_ reader: inout AttributeReader, operands: OperandList) throws(AttributeFault) {
    self.init(slope: try reader.float("slope"))
  }

  package func traits(_ operands: [TensorType]) -> OpTraits {
    if slope == 1 { return [.elementwise, .isIdentity, .keepsNonNegative, .keepsSign] }
    return slope > 0
      ? [.elementwise, .keepsNonNegative, .keepsSign] : [.elementwise, .keepsNonNegative, .isNonNegative]
  }

  @inline(__always)
  package func value<Vector: ElementwiseVector>(at x: Vector) -> Vector {
    x.replacing(with: x * Vector.Scalar(slope), where: x .< 0)
  }
}
