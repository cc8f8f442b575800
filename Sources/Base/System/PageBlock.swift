#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Anonymous zeroed memory, on large pages where the system grants them: page faults on small pages would cost more
/// than filling the block.
package struct PageBlock {
  /// The first byte, aligned to a page.
  package let base: UnsafeMutableRawPointer
  /// Size in bytes.
  package let byteCount: Int

  /// Maps `byteCount` bytes; nil where the system or the limits of the process refuse.
  package init?(byteCount: Int) {
    guard AddressSpace.allows(byteCount) else { return nil }
    let mapped = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let mapped, mapped != MAP_FAILED else { return nil }
    #if os(Linux)
      madvise(mapped, byteCount, MADV_HUGEPAGE)
    #endif
    base = mapped
    self.byteCount = byteCount
  }

  /// The block as shared bytes, unmapped with their last window; called once, after the block has been filled.
  package consuming func intoBytes() -> Bytes {
    let address = UInt(bitPattern: base)
    let count = byteCount
    return Bytes(
      ByteStorage(base: UnsafeRawPointer(base), count: count) {
        munmap(UnsafeMutableRawPointer(bitPattern: address), count)
      })
  }
}
