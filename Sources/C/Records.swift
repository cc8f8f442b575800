/// The fields of a struct of the caller's, in order; those that its `struct_size` does not cover are nil.
struct CFields {
  private let base: UnsafeRawPointer
  private var offset = 4
  /// The size that the caller states.
  let byteCount: Int

  init(_ memory: UnsafeRawPointer, _ name: String) throws(CFailure) {
    base = memory
    byteCount = Int(memory.loadUnaligned(as: UInt32.self))
    guard (4...4096).contains(byteCount) else {
      throw .argument("\(name).struct_size", "the size of the struct, found \(byteCount)")
    }
  }

  /// The next field, aligned as C aligns it.
  mutating func take<Field: BitwiseCopyable>(_ type: Field.Type) -> Field? {
    let size = MemoryLayout<Field>.size
    let start = (offset + size - 1) / size * size
    offset = start + size
    return offset <= byteCount ? base.loadUnaligned(fromByteOffset: start, as: Field.self) : nil
  }
}

/// A struct of the caller's that is filled field by field, as far as its `struct_size` goes.
struct CRecord {
  private let base: UnsafeMutableRawPointer
  private var offset = 4
  private let byteCount: Int

  init(_ memory: UnsafeMutableRawPointer?, _ name: String) throws(CFailure) {
    guard let memory else { throw .argument(name, "a pointer, found null") }
    base = memory
    byteCount = Int(memory.loadUnaligned(as: UInt32.self))
    guard (4...4096).contains(byteCount) else {
      throw .argument("\(name).struct_size", "the size of the struct, found \(byteCount)")
    }
  }

  /// Writes the next field, aligned as C aligns it.
  mutating func put<Field: BitwiseCopyable>(_ value: Field) {
    let size = MemoryLayout<Field>.size
    let start = (offset + size - 1) / size * size
    offset = start + size
    if offset <= byteCount { base.storeBytes(of: value, toByteOffset: start, as: Field.self) }
  }
}
