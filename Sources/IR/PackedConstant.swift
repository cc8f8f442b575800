import FixresBase

/// A constant rearranged as a kernel reads it, kept so that opening a model maps what it would else compute.
///
/// It may always be left out: the constant alone decides every result.
public struct PackedConstant: Sendable {
  /// The name of the constant's value.
  public let constant: String
  /// What the runtime calls the arrangement, such as `winograd4 16x4`.
  public let layout: String
  /// The arranged elements, of shape `[count]`, 64-byte aligned.
  package let elements: Tensor
  /// The constant that the elements were made from.
  let source: Tensor

  public var byteCount: Int { elements.byteCount }

  package init(constant: String, layout: String, elements: Tensor, source: Tensor) {
    (self.constant, self.layout, self.elements, self.source) = (constant, layout, elements, source)
  }
}

extension PackedConstant: Equatable {
  /// The same arrangement of the same constant, bit for bit.
  public static func == (a: PackedConstant, b: PackedConstant) -> Bool {
    a.constant == b.constant && a.layout == b.layout && a.elements == b.elements
  }
}

extension Model {
  /// The packed constants that hold: whose constant is still the very tensor that they were made from.
  package var validPackedConstants: [PackedConstant] {
    packedConstants.filter { constants[$0.constant]?.isSameMemory(as: $0.source) ?? false }
  }
}
