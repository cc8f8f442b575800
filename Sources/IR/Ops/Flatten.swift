/// `[N, C, H, W]` to `[N, C*H*W]`, row-major.
public struct Flatten: Hashable, Sendable {
  /// `[N, C, H, W]` to `[N, C * H * W]`.
  public init() {}
}

extension Flatten: PlainUnaryOp {
  package static let mnemonic = "flatten"
  package var asOp: Op { .flatten(self) }

  package func inferType(_ operands: [TensorType]) throws(TypeFault) -> TensorType {
    guard operands[0].batched else {
      throw .operandShape(operand: .data, expected: "f32[N,...]", found: operands[0])
    }
    return .features(operands[0].elementCount)
  }
}
