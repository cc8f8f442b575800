/// What a node computes. Closed: an exhaustive switch over it lists what a new operation must touch.
public enum Op: Hashable, Sendable {
  case conv2d(Conv2D)
  case batchNorm(BatchNorm)
  case relu(Relu)
  case add(Add)
  case maxPool(MaxPool)
  case averagePool(AveragePool)
  case globalAveragePool(GlobalAveragePool)
  case globalMaxPool(GlobalMaxPool)
  case flatten(Flatten)
  case linear(Linear)
  case sigmoid(Sigmoid)
  case channelMultiply(ChannelMultiply)
  case stridedSlice(StridedSlice)
  case channelPad(ChannelPad)
  case softmax(Softmax)
  case scalarAffineClamp(ScalarAffineClamp)
  case identity(Identity)
  case dropout(Dropout)

  /// The attributes as their common protocol, for printing and type inference.
  package var definition: any OpDefinition {
    switch self {
    case .conv2d(let op): op
    case .batchNorm(let op): op
    case .relu(let op): op
    case .add(let op): op
    case .maxPool(let op): op
    case .averagePool(let op): op
    case .globalAveragePool(let op): op
    case .globalMaxPool(let op): op
    case .flatten(let op): op
    case .linear(let op): op
    case .sigmoid(let op): op
    case .channelMultiply(let op): op
    case .stridedSlice(let op): op
    case .channelPad(let op): op
    case .softmax(let op): op
    case .scalarAffineClamp(let op): op
    case .identity(let op): op
    case .dropout(let op): op
    }
  }

  /// Every operation's definition, by which the parser finds a mnemonic.
  package static let definitions: [any OpDefinition.Type] = [
    Conv2D.self, BatchNorm.self, Relu.self, Add.self, MaxPool.self, AveragePool.self,
    GlobalAveragePool.self, GlobalMaxPool.self, Flatten.self, Linear.self, Sigmoid.self,
    ChannelMultiply.self, StridedSlice.self, ChannelPad.self, Softmax.self, ScalarAffineClamp.self,
    Identity.self, Dropout.self,
  ]

  /// The name in the textual form.
  public var mnemonic: String { type(of: definition).mnemonic }

  /// The type of the result, from the operands' types.
  package func inferType(_ operands: [TensorType]) throws(TypeFault) -> TensorType {
    let definition = definition
    guard operands.count == definition.operandRoles.count else {
      throw .operandCount(expected: definition.operandRoles.count, found: operands.count)
    }
    let type = try definition.inferType(operands)
    guard type.dims.allSatisfy({ $0 > 0 }) else { throw .emptyResult(type) }
    guard type.checkedElementCount != nil else { throw .tooLarge(type) }
    return type
  }

  /// The same operation with its padding derived anew for operands of these types, where it follows a rule.
  package func fitted(to operands: [TensorType]) -> Op {
    switch self {
    case .conv2d(var op) where op.padding.rule != .fixed && operands.count > 1 && operands[1].dims.count == 4:
      op.padding = op.window(weight: operands[1]).fittedPadding(to: operands[0].spatial)
      return .conv2d(op)
    case .maxPool(var op) where op.window.padding.rule != .fixed && !operands.isEmpty:
      op.window.padding = op.window.fittedPadding(to: operands[0].spatial)
      return .maxPool(op)
    case .averagePool(var op) where op.window.padding.rule != .fixed && !operands.isEmpty:
      op.window.padding = op.window.fittedPadding(to: operands[0].spatial)
      return .averagePool(op)
    default: return self
    }
  }

  /// Multiply-accumulates for one image; 0 for all but convolutions and linear layers.
  package func multiplyAccumulates(operands: [TensorType], result: TensorType) -> Int {
    definition.multiplyAccumulates(operands: operands, result: result)
  }
}

/// What every operation of the IR says of itself, in a file of its own.
package protocol OpDefinition: Hashable, Sendable {
  static var mnemonic: String { get }
  /// The operands in order, optional ones only where this instance has them.
  var operandRoles: [OperandRole] { get }
  /// The attributes in the order in which they are printed.
  var attributes: [Attribute] { get }
  /// Reads back what `attributes` printed; `operands` are the roles that the text names.
  init(_ reader: inout AttributeReader, operands: OperandList) throws(AttributeFault)
  /// The result's type; operand counts have been checked.
  func inferType(_ operands: [TensorType]) throws(TypeFault) -> TensorType
  func multiplyAccumulates(operands: [TensorType], result: TensorType) -> Int
  /// The same definition as a case of `Op`.
  var asOp: Op { get }
}

extension OpDefinition {
  package func multiplyAccumulates(operands: [TensorType], result: TensorType) -> Int { 0 }
}

/// An operation without attributes and with one operand.
package protocol PlainUnaryOp: OpDefinition {
  init()
}

extension PlainUnaryOp {
  package var operandRoles: [OperandRole] { [.data] }
  package var attributes: [Attribute] { [] }
  package init(_ reader: inout AttributeReader, operands: OperandList) throws(AttributeFault) { self.init() }
}

/// What an operand is to its operation.
public enum OperandRole: String, Hashable, Sendable {
  case data, weight, bias, scale, shift, mean, variance
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
  case operandCount(expected: Int, found: Int)
  /// Operand `operand` should look like `expected`, as in `f32[N,C,H,W]`.
  case operandShape(operand: OperandRole, expected: String, found: TensorType)
  case kernelLargerThanInput(kernel: Extent, paddedInput: Extent)
  case channels(expected: Int, found: Int)
  case mismatch(TensorType, TensorType)
  case attribute(name: String, found: Int)
  case emptyResult(TensorType)
  case tooLarge(TensorType)
}

/// The largest kernel, stride, padding or group count that a graph may carry.
package let maximumAttribute = 1 << 20
