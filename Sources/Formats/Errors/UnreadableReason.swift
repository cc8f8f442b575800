/// Why a tensor that is present cannot become float32.
package enum UnreadableReason: Hashable, Sendable {
  /// A dtype without a float32 meaning here: quantised, complex, float8, unsigned 16 to 64.
  case elementType(ElementType)
  /// Built by something that is not plain strided storage: a sparse, quantised or meta tensor, an unknown class.
  case opaque(constructor: String)
  /// A view that repeats its storage's elements beyond what the bytes present justify.
  case expanded(elementCount: Int, storedCount: Int)
}
