/// `[N, C, H, W]` to `[N, C*H*W]`, row-major.
public struct Flatten: Hashable, Sendable {
  /// `[N, C, H, W]` to `[N, C * H * W]`.
  public init() {}
}

extension Flatten: PlainUnaryOp {
  package static let kind = Op.Kind.flatten
  package var asOp: Op { .flatten(self) }

  package func inferType(_ operands: [TensorType]) throws(TypeFault) -> TensorType {
    guard operands[0].batched else {
      throw .operandShape(operand: .data, expected: "f32[N,...]", found: operands[0])
    }
    return .features(operands[0].elementCount)
  }

  package func traits(_ operands: [TensorType]) -> OpTraits {
    let isRow = operands[0].dims.count == 1
    return isRow ? [.isIdentity, .keepsSign, .keepsRows] : .keepsSign
  }

  package var computation: Computation { .flatten }
}
