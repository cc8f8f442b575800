/// Logarithms of the probabilities from logits `[N, classes]`.
public struct LogSoftmax: Hashable, Sendable {
  /// The logarithm of the softmax over the features.
  public init() {}
}

extension LogSoftmax: PlainUnaryOp {
  package static let kind = Op.Kind.logSoftmax
  package var asOp: Op { .logSoftmax(self) }

  package func inferType(_ operands: [TensorType]) throws(TypeFault) -> TensorType {
    try Softmax().inferType(operands)
  }

  package func traits(_ operands: [TensorType]) -> OpTraits { [] }
  package var computation: Computation { .softmax(isLogarithm: true) }
}
