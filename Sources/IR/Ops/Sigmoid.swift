/// `1 / (1 + exp(-x))`, element by element.
public struct Sigmoid: Hashable, Sendable {
  /// 1 / (1 + exp(-x)).
  public init() {}
}

extension Sigmoid: PlainUnaryOp {
  package static let mnemonic = "sigmoid"
  package var asOp: Op { .sigmoid(self) }
  package func inferType(_ operands: [TensorType]) throws(TypeFault) -> TensorType { operands[0] }
}
