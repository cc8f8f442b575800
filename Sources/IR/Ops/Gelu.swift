/// `x * P(X <= x)` of a normally distributed X, element by element (Hendrycks and Gimpel 2016, "Gaussian error linear
/// units").
public struct Gelu: Hashable, Sendable {
  /// How the distribution function is computed.
  public enum Form: String, Hashable, Sendable, CaseIterable {
    /// By the error function.
    case erf
    /// By the paper's approximation, `0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))`.
    case tanh
  }

  /// How the distribution function is computed.
  public var form: Form

  /// The operation in `form`.
  public init(form: Form = .erf) { self.form = form }
}

extension Gelu: ElementwiseOp {
  package static let kind = Op.Kind.gelu
  package var asOp: Op { .gelu(self) }
  package var attributes: [Attribute] { [Attribute("form", .word(form.rawValue))] }

  package init(_ reader: inout AttributeReader, operands: OperandList) throws(AttributeFault) {
    self.init(form: try reader.word("form"))
  }

  package func traits(_ operands: [TensorType]) -> OpTraits { [.elementwise, .keepsSign] }

  @inline(__always)
  package func value<Vector: ElementwiseVector>(at x: Vector) -> Vector {
    // In these forms nothing cancels where the result is small.
    switch form {
    case .erf: x.mapped { 0.5 * $0 * Libm.erfc(-$0 * Gelu.rootOfHalf) }
    case .tanh:
      x.mapped { $0 / (1 + Libm.exp(-2 * Gelu.rootOfTwoOverPi * $0 * (1 + Gelu.cubic * $0 * $0))) }
    }
  }

  /// sqrt(1/2)
  package static let rootOfHalf = 0.5.squareRoot()
  /// sqrt(2/pi)
  package static let rootOfTwoOverPi = (2 / Double.pi).squareRoot()
  /// The factor of x^3 in the approximation.
  package static let cubic = 0.044715
}
