import FixresBase

/// A constant in the layout that a kernel reads, stored so that opening a model maps it instead of computing it.
///
/// It is a cache: results depend on the constant alone.
public struct PackedConstant: Sendable {
  /// The name of the constant's value.
  public let constant: String
  /// The runtime's name of the layout, such as `winograd4 16x4`.
  public let layout: String
  /// The packed elements, of shape `[count]`, 64-byte aligned.
  package let elements: Tensor
  /// The constant that was packed.
  let source: Tensor

  /// Bytes of the packed elements.
  public var byteCount: Int { elements.byteCount }

  package init(constant: String, layout: String, elements: Tensor, source: Tensor) {
    (self.constant, self.layout, self.elements, self.source) = (constant, layout, elements, source)
  }
}

extension PackedConstant: Equatable {
  /// Equal constant, layout and elements, bit for bit.
  public static func == (a: PackedConstant, b: PackedConstant) -> Bool {
    a.constant == b.constant && a.layout == b.layout && a.elements == b.elements
  }
}

extension Model {
  /// The packed constants whose constant is still the tensor that was packed.
  package var validPackedConstants: [PackedConstant] {
    packedConstants.filter { constants[$0.constant]?.isSameMemory(as: $0.source) ?? false }
  }
}
