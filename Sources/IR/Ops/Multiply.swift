/// The product of two values of one type, element by element.
public struct Multiply: Hashable, Sendable {
  /// The product of two values of equal type.
  public init() {}
}

extension Multiply: OpDefinition {
  package static let kind = Op.Kind.multiply
  package var asOp: Op { .multiply(self) }
  package var operandRoles: [OperandRole] { [.data, .data] }
  package var attributes: [Attribute] { [] }

  package init(_ reader: inout AttributeReader, operands: OperandList) throws(AttributeFault) { self.init() }

  package func inferType(_ operands: [TensorType]) throws(TypeFault) -> TensorType {
    guard operands[0] == operands[1] else { throw .mismatch(operands[0], operands[1]) }
    return operands[0]
  }

  package func traits(_ operands: [TensorType]) -> OpTraits { [] }
  package var computation: Computation { .product }
}
