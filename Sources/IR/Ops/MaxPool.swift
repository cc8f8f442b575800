/// The greatest value in each window of `[N, C, H, W]`; padding never wins.
public struct MaxPool: Hashable, Sendable {
  /// Kernel, strides and padding.
  public var window: Window

  /// A maximum pool over `window`.
  public init(window: Window) { self.window = window }
}

extension MaxPool: OpDefinition {
  package static let mnemonic = "maxPool"
  package var asOp: Op { .maxPool(self) }
  package var operandRoles: [OperandRole] { [.data] }
  package var attributes: [Attribute] { window.attributes }

  package init(_ reader: inout AttributeReader, operands: OperandList) throws(AttributeFault) {
    self.init(window: try Window(&reader))
  }

  package func inferType(_ operands: [TensorType]) throws(TypeFault) -> TensorType {
    try window.inferType(operands[0])
  }
}
