/// `max(0, scale * x + offset)` where x > 0, else 0: the map between two Fréchet laws with one shape parameter
/// ("Fixing the train-test resolution discrepancy", appendix A).
public struct ScalarAffineClamp: Hashable, Sendable {
  /// Factor.
  public var scale: Float
  /// Summand.
  public var offset: Float

  /// The map of `scale` and `offset`.
  public init(scale: Float, offset: Float) {
    self.scale = scale
    self.offset = offset
  }
}

extension ScalarAffineClamp: OpDefinition {
  package static let mnemonic = "scalarAffineClamp"
  package var asOp: Op { .scalarAffineClamp(self) }
  package var operandRoles: [OperandRole] { [.data] }
  package var attributes: [Attribute] {
    [Attribute("scale", .float(scale)), Attribute("offset", .float(offset))]
  }

  package init(_ reader: inout AttributeReader, operands: OperandList) throws(AttributeFault) {
    self.init(scale: try reader.float("scale"), offset: try reader.float("offset"))
  }

  package func inferType(_ operands: [TensorType]) throws(TypeFault) -> TensorType { operands[0] }
}
