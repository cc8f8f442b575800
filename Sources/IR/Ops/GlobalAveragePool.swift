/// The mean of each channel's map: `[N, C, H, W]` to `[N, C, 1, 1]` at any resolution.
public struct GlobalAveragePool: Hashable, Sendable {
  /// The mean of each channel.
  public init() {}
}

extension GlobalAveragePool: PlainUnaryOp {
  package static let kind = Op.Kind.globalAveragePool
  package var asOp: Op { .globalAveragePool(self) }

  package func inferType(_ operands: [TensorType]) throws(TypeFault) -> TensorType {
    guard operands[0].isImage else {
      throw .operandShape(operand: .data, expected: "f32[N,C,H,W]", found: operands[0])
    }
    return .image(operands[0].channels, 1, 1)
  }

  package func traits(_ operands: [TensorType]) -> OpTraits { .keepsSign }
  package var computation: Computation { .globalPool(.mean(countsPadding: false)) }
}
