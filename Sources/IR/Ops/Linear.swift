/// `x W^T + b`: `[N, F]` with weights `[O, F]` and, where present, bias `[O]` to `[N, O]`.
public struct Linear: Hashable, Sendable {
  /// Whether a bias `[O]` is an operand.
  public var hasBias: Bool

  /// A linear layer.
  public init(hasBias: Bool) { self.hasBias = hasBias }
}

extension Linear: OpDefinition {
  package static let kind = Op.Kind.linear
  package var asOp: Op { .linear(self) }
  package var operandRoles: [OperandRole] { [.data, .weight] + (hasBias ? [.bias] : []) }
  package var attributes: [Attribute] { [] }

  package init(_ reader: inout AttributeReader, operands: OperandList) throws(AttributeFault) {
    guard (2...3).contains(operands.positionalCount), operands.keywords.isEmpty else {
      throw .operands(expected: "data, weight and an optional bias")
    }
    self.init(hasBias: operands.positionalCount == 3)
  }

  package func inferType(_ operands: [TensorType]) throws(TypeFault) -> TensorType {
    let data = operands[0]
    let weight = operands[1]
    guard data.batched, data.dims.count == 1 else {
      throw .operandShape(operand: .data, expected: "f32[N,F]", found: data)
    }
    guard !weight.batched, weight.dims.count == 2, weight.dims[1] == data.dims[0] else {
      throw .operandShape(operand: .weight, expected: "f32[O,\(data.dims[0])]", found: weight)
    }
    if hasBias, operands[2] != TensorType(batched: false, [weight.dims[0]]) {
      throw .operandShape(operand: .bias, expected: "f32[\(weight.dims[0])]", found: operands[2])
    }
    return .features(weight.dims[0])
  }

  package func multiplyAccumulates(operands: [TensorType], result: TensorType) -> Int {
    operands[1].elementCount
  }

  package func traits(_ operands: [TensorType]) -> OpTraits { [] }
  package var computation: Computation { .linear(self) }
}
