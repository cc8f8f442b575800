/// Its operand, unchanged; exported graphs are full of them.
public struct Identity: Hashable, Sendable {
  /// The value itself.
  public init() {}
}

extension Identity: PlainUnaryOp {
  package static let kind = Op.Kind.identity
  package var asOp: Op { .identity(self) }
  package func inferType(_ operands: [TensorType]) throws(TypeFault) -> TensorType { operands[0] }

  package func traits(_ operands: [TensorType]) -> OpTraits { [.isIdentity, .keepsSign, .elementwise] }
  package var computation: Computation { .copy }
}
