/// Probabilities from logits `[N, classes]`.
public struct Softmax: Hashable, Sendable {
  /// Softmax over the features.
  public init() {}
}

extension Softmax: PlainUnaryOp {
  package static let kind = Op.Kind.softmax
  package var asOp: Op { .softmax(self) }

  package func inferType(_ operands: [TensorType]) throws(TypeFault) -> TensorType {
    guard operands[0].batched, operands[0].dims.count == 1 else {
      throw .operandShape(operand: .data, expected: "f32[N,F]", found: operands[0])
    }
    return operands[0]
  }

  package func traits(_ operands: [TensorType]) -> OpTraits { .isNonNegative }
  package var computation: Computation { .softmax(isLogarithm: false) }
}
