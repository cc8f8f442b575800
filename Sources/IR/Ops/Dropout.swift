/// Dropout as a trained network runs it: the identity.
public struct Dropout: Hashable, Sendable {
  /// The share that training zeroed.
  public var rate: Double

  /// Dropout, which changes nothing at inference.
  public init(rate: Double) { self.rate = rate }
}

extension Dropout: OpDefinition {
  package static let kind = Op.Kind.dropout
  package var asOp: Op { .dropout(self) }
  package var operandRoles: [OperandRole] { [.data] }
  package var attributes: [Attribute] { [Attribute("rate", .double(rate))] }

  package init(_ reader: inout AttributeReader, operands: OperandList) throws(AttributeFault) {
    self.init(rate: try reader.double("rate"))
  }

  package func inferType(_ operands: [TensorType]) throws(TypeFault) -> TensorType { operands[0] }

  package func traits(_ operands: [TensorType]) -> OpTraits { [.isIdentity, .keepsSign, .elementwise] }
  package var computation: Computation { .copy }
}
