/// The channels of several images `[N, Ci, H, W]` one after the other, or the features of several rows `[N, Fi]`.
public struct Concat: Hashable, Sendable {
  /// Number of operands, at least 1.
  public var count: Int

  /// The concatenation of `count` values.
  public init(count: Int) { self.count = count }

  /// Most operands that a graph may give.
  package static let maximumCount = 64
}

extension Concat: OpDefinition {
  package static let kind = Op.Kind.concat
  package var asOp: Op { .concat(self) }
  package var operandRoles: [OperandRole] { [OperandRole](repeating: .data, count: max(1, count)) }
  package var attributes: [Attribute] { [] }

  package init(_ reader: inout AttributeReader, operands: OperandList) throws(AttributeFault) {
    guard (1...Self.maximumCount).contains(operands.positionalCount), operands.keywords.isEmpty else {
      throw .operands(expected: "1 to \(Self.maximumCount) values")
    }
    self.init(count: operands.positionalCount)
  }

  package func inferType(_ operands: [TensorType]) throws(TypeFault) -> TensorType {
    let first = operands[0]
    guard first.batched, first.isImage || first.dims.count == 1 else {
      throw .operandShape(operand: .data, expected: "f32[N,C,H,W] or f32[N,F]", found: first)
    }
    guard (1...Self.maximumCount).contains(count) else { throw .attribute(name: "count", found: count) }
    var channels = 0
    for type in operands {
      guard type.batched, type.dims.dropFirst() == first.dims.dropFirst() else {
        throw .mismatch(first, type)
      }
      channels += type.channels
    }
    return TensorType(batched: true, [channels] + first.dims.dropFirst())
  }

  package func traits(_ operands: [TensorType]) -> OpTraits {
    operands.count == 1 ? [.isIdentity, .keepsSign, .elementwise] : []
  }

  package var computation: Computation { .concat }
}
