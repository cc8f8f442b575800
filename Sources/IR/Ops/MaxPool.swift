/// The greatest value in each window of `[N, C, H, W]`; padding never wins.
public struct MaxPool: Hashable, Sendable {
  /// Kernel, strides and padding.
  public var window: Window

  /// A maximum pool over `window`.
  public init(window: Window) { self.window = window }
}

extension MaxPool: OpDefinition {
  package static let kind = Op.Kind.maxPool
  package var asOp: Op { .maxPool(self) }
  package var operandRoles: [OperandRole] { [.data] }
  package var attributes: [Attribute] { window.attributes }

  package init(_ reader: inout AttributeReader, operands: OperandList) throws(AttributeFault) {
    self.init(window: try Window(&reader))
  }

  package func inferType(_ operands: [TensorType]) throws(TypeFault) -> TensorType {
    try window.inferType(operands[0])
  }

  package func traits(_ operands: [TensorType]) -> OpTraits {
    window.isSinglePixel ? [.isIdentity, .keepsSign] : .keepsSign
  }

  package var computation: Computation { .pool(window, .maximum) }

  package func fitted(to operands: [TensorType]) -> MaxPool {
    guard !operands.isEmpty else { return self }
    var fitted = self
    fitted.window.padding = window.fittedPadding(to: operands[0].spatial)
    return fitted
  }
}
