/// `mean(max(x, epsilon)^p)^(1/p)` of each channel's map: `[N, C, H, W]` to `[N, C, 1, 1]` at any resolution
/// (Radenovic et al. 2017, "Fine-tuning CNN image retrieval with no human annotation", section 3.2).
public struct GeneralizedMeanPool: Hashable, Sendable {
  /// p: 1 gives the mean, and the greater it is, the nearer to the maximum the result.
  public var exponent: Double
  /// What smaller elements are raised to first.
  public var epsilon: Double

  /// The pool of `exponent` and `epsilon`.
  public init(exponent: Double, epsilon: Double = 1e-6) {
    self.exponent = exponent
    self.epsilon = epsilon
  }
}

extension GeneralizedMeanPool: OpDefinition {
  package static let kind = Op.Kind.generalizedMeanPool
  package var asOp: Op { .generalizedMeanPool(self) }
  package var operandRoles: [OperandRole] { [.data] }
  package var attributes: [Attribute] {
    [Attribute("exponent", .double(exponent)), Attribute("epsilon", .double(epsilon))]
  }

  package init(_ reader: inout AttributeReader, operands: OperandList) throws(AttributeFault) {
    self.init(exponent: try reader.double("exponent"), epsilon: try reader.double("epsilon"))
  }

  package func inferType(_ operands: [TensorType]) throws(TypeFault) -> TensorType {
    guard operands[0].isImage else {
      throw .operandShape(operand: .data, expected: "f32[N,C,H,W]", found: operands[0])
    }
    for (name, value) in [("exponent", exponent), ("epsilon", epsilon)]
    where !(value > 0) || !value.isFinite {
      throw .attribute(name: name, found: Int(exactly: value.rounded()) ?? 0)
    }
    return .image(operands[0].channels, 1, 1)
  }

  package func traits(_ operands: [TensorType]) -> OpTraits { .isNonNegative }
  package var computation: Computation { .generalizedMean(self) }

  /// `max(x, epsilon)^p`; a NaN stays one.
  @inline(__always)
  package func term(_ x: Float) -> Double {
    let x = Double(x)
    return Libm.pow(x < epsilon ? epsilon : x, exponent)
  }

  /// The result for terms whose mean is `mean`.
  @inline(__always)
  package func root(_ mean: Double) -> Float { Float(Libm.pow(mean, 1 / exponent)) }
}
