/// The mean of each window of `[N, C, H, W]`.
public struct AveragePool: Hashable, Sendable {
  /// Kernel, strides and padding.
  public var window: Window
  /// Divide by the whole window's area instead of the part of it that lies on the image.
  public var countIncludePad: Bool

  /// An average pool over `window`.
  public init(window: Window, countIncludePad: Bool) {
    self.window = window
    self.countIncludePad = countIncludePad
  }
}

extension AveragePool: OpDefinition {
  package static let kind = Op.Kind.averagePool
  package var asOp: Op { .averagePool(self) }
  package var operandRoles: [OperandRole] { [.data] }
  package var attributes: [Attribute] {
    window.attributes + [Attribute("count_include_pad", .flag(countIncludePad))]
  }

  package init(_ reader: inout AttributeReader, operands: OperandList) throws(AttributeFault) {
    self.init(window: try Window(&reader), countIncludePad: try reader.flag("count_include_pad"))
  }

  package func inferType(_ operands: [TensorType]) throws(TypeFault) -> TensorType {
    try window.inferType(operands[0])
  }

  package func traits(_ operands: [TensorType]) -> OpTraits {
    window.isSinglePixel ? [.isIdentity, .keepsSign] : .keepsSign
  }

  package var computation: Computation { .pool(window, .mean(countsPadding: countIncludePad)) }

  package func fitted(to operands: [TensorType]) -> AveragePool {
    guard !operands.isEmpty else { return self }
    var fitted = self
    fitted.window.padding = window.fittedPadding(to: operands[0].spatial)
    return fitted
  }
}
