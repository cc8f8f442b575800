/// `(x - mean) / sqrt(variance + epsilon) * scale + shift` for each channel of `[N, C, H, W]` or feature of
/// `[N, F]`, statistics fixed.
public struct BatchNorm: Hashable, Sendable {
  /// Added to the running variance before the square root.
  public var epsilon: Double

  /// Batch norm with running statistics.
  public init(epsilon: Double) { self.epsilon = epsilon }
}

extension BatchNorm: OpDefinition {
  package static let kind = Op.Kind.batchNorm
  package var asOp: Op { .batchNorm(self) }
  package var operandRoles: [OperandRole] { [.data, .scale, .shift, .mean, .variance] }
  package var attributes: [Attribute] { [Attribute("epsilon", .double(epsilon))] }

  package init(_ reader: inout AttributeReader, operands: OperandList) throws(AttributeFault) {
    self.init(epsilon: try reader.double("epsilon"))
  }

  package func inferType(_ operands: [TensorType]) throws(TypeFault) -> TensorType {
    let data = operands[0]
    guard data.isImage || data.batched && data.dims.count == 1 else {
      throw .operandShape(operand: .data, expected: "f32[N,C,H,W] or f32[N,F]", found: data)
    }
    let parameter = TensorType(batched: false, [data.channels])
    for (role, type) in zip(operandRoles, operands).dropFirst() where type != parameter {
      throw .operandShape(operand: role, expected: parameter.description, found: type)
    }
    return data
  }

  package func traits(_ operands: [TensorType]) -> OpTraits { .elementwise }
  package var computation: Computation { .batchNorm(self) }
}
