/// `min(max(x, low), high)`, element by element: with 0 and 6 ReLU6 (Howard et al. 2017, "MobileNets").
public struct Clamp: Hashable, Sendable {
  /// The least result.
  public var low: Float
  /// The greatest result, which outweighs `low`.
  public var high: Float

  /// The operation from `low` to `high`.
  public init(low: Float, high: Float) {
    self.low = low
    self.high = high
  }

  /// `min(max(x, 0), 6)`.
  public static let relu6 = Clamp(low: 0, high: 6)
}

extension Clamp: ElementwiseOp {
  package static let kind = Op.Kind.clamp
  package var asOp: Op { .clamp(self) }
  package var attributes: [Attribute] { [Attribute("low", .float(low)), Attribute("high", .float(high))] }

  package init(_ reader: inout AttributeReader, operands: OperandList) throws(AttributeFault) {
    self.init(low: try reader.float("low"), high: try reader.float("high"))
  }

  package func traits(_ operands: [TensorType]) -> OpTraits {
    guard high >= 0 else { return .elementwise }
    return low >= 0 ? [.elementwise, .isNonNegative] : [.elementwise, .keepsSign]
  }

  @inline(__always)
  package func value<Vector: ElementwiseVector>(at x: Vector) -> Vector {
    x.clamped(from: Vector.Scalar(low)).clamped(through: Vector.Scalar(high))
  }
}
