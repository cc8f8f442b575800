/// What every operation of the IR says of itself, in a file of its own.
package protocol OpDefinition: Hashable, Sendable {
  /// Which operation this is; its raw value is the mnemonic of the textual form.
  static var kind: Op.Kind { get }
  /// The operation itself where nothing has to be chosen for it; nil for one with attributes.
  static var parameterless: Op? { get }
  /// The operands in order, optional ones only where this instance has them.
  var operandRoles: [OperandRole] { get }
  /// All attributes, in the order in which they are printed; one at its default may be left out.
  var attributes: [Attribute] { get }
  /// Reads back what `attributes` printed; `operands` are the roles that the text names.
  init(_ reader: inout AttributeReader, operands: OperandList) throws(AttributeFault)
  /// The result's type; called by `Op.inferType` alone, which has checked the operands' count and bounded every
  /// dimension and every integer of `attributes`.
  func inferType(_ operands: [TensorType]) throws(TypeFault) -> TensorType
  /// What may be assumed of the result, given operands of these types, for which `inferType` has a result.
  func traits(_ operands: [TensorType]) -> OpTraits
  /// What an engine has to compute.
  var computation: Computation { get }
  func multiplyAccumulates(operands: [TensorType], result: TensorType) -> Int
  /// The same operation with its padding derived anew for operands of these types, where it follows a rule.
  func fitted(to operands: [TensorType]) -> Self
  /// The same definition as a case of `Op`.
  var asOp: Op { get }
}

extension OpDefinition {
  package static var parameterless: Op? { nil }
  package func multiplyAccumulates(operands: [TensorType], result: TensorType) -> Int { 0 }
  /// Right for every operation without a `Padding`; the verifier finds a padding that does not fit.
  package func fitted(to operands: [TensorType]) -> Self { self }
}

/// An operation with one operand.
package protocol UnaryOp: OpDefinition {}

extension UnaryOp {
  package var operandRoles: [OperandRole] { [.data] }
}

/// An operation without attributes and with one operand.
package protocol PlainUnaryOp: UnaryOp {
  init()
}

extension PlainUnaryOp {
  package static var parameterless: Op? { Self().asOp }
  package var attributes: [Attribute] { [] }
  package init(_ reader: inout AttributeReader, operands: OperandList) throws(AttributeFault) { self.init() }
}

/// What an operand is to its operation.
public enum OperandRole: String, Hashable, Sendable {
  /// What the operation is applied to.
  case data
  /// Weights of a convolution or a linear layer, and what is added to its sums.
  case weight, bias
  /// Parameters and statistics of a batch norm, each `[C]`.
  case scale, shift, mean, variance
  /// Added before the activation; printed with its keyword.
  case residual
  /// Per-channel factors `[N, C, 1, 1]`.
  case gate

  package var isKeyword: Bool { self == .residual }
}

/// The operands that a text names: how many stand alone and which carry a keyword.
package struct OperandList: Sendable {
  package let positionalCount: Int
  package let keywords: [String]

  package init(positionalCount: Int, keywords: [String]) {
    self.positionalCount = positionalCount
    self.keywords = keywords
  }
}

/// Why operands do not fit an operation.
public enum TypeFault: Error, Hashable, Sendable {
  /// Another number of operands than the operation has.
  case operandCount(expected: Int, found: Int)
  /// Operand `operand` should look like `expected`, as in `f32[N,C,H,W]`.
  case operandShape(operand: OperandRole, expected: String, found: TensorType)
  /// The window does not fit into the padded input.
  case kernelLargerThanInput(kernel: Extent, paddedInput: Extent)
  /// The weights are for another number of channels.
  case channels(expected: Int, found: Int)
  /// Two operands whose types must agree.
  case mismatch(TensorType, TensorType)
  /// An attribute out of its range.
  case attribute(name: String, found: Int)
  /// A result without an element.
  case emptyResult(TensorType)
  /// A result of more elements than a value may have.
  case tooLarge(TensorType)
}

/// The largest kernel, stride, padding or group count that a graph may carry.
package let maximumAttribute = 1 << 20
