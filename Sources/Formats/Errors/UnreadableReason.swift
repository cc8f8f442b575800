/// Why a tensor of a file cannot become float32.
package enum UnreadableReason: Hashable, Sendable {
  /// An element type that is not converted: quantised, complex, float8, unsigned of 16 to 64 bits.
  case elementType(ElementType)
  /// No plain strided storage: a sparse, quantised or meta tensor, or one of an unknown class.
  case opaque(constructor: String)
  /// A view that repeats stored elements until they exceed the limit on expanded elements.
  case expanded(elementCount: Int, storedCount: Int)
  /// As float32 it takes `needed` bytes, and the limits of the process leave `available`.
  case outOfMemory(needed: Int, available: Int)
}
