/// `max(x, 0)`, element by element.
public struct Relu: Hashable, Sendable {
  /// max(x, 0).
  public init() {}
}

extension Relu: PlainUnaryOp {
  package static let mnemonic = "relu"
  package var asOp: Op { .relu(self) }
  package func inferType(_ operands: [TensorType]) throws(TypeFault) -> TensorType { operands[0] }
}
