import FixresBase

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Anonymous memory of whole pages, zero at first, given back with the last reference.
final class Arena {
  let base: UnsafeMutableRawPointer
  private let byteCount: Int

  /// Nil where the system or the limits of the process refuse the memory.
  init?(byteCount: Int) {
    self.byteCount = max(byteCount, 1)
    guard AddressSpace.allows(self.byteCount) else { return nil }
    let flags = MAP_PRIVATE | MAP_ANON
    guard let base = mmap(nil, self.byteCount, PROT_READ | PROT_WRITE, flags, -1, 0), base != MAP_FAILED
    else {
      return nil
    }
    self.base = base
    #if os(Linux)
      madvise(base, self.byteCount, 14 /* MADV_HUGEPAGE */)
    #endif
  }

  deinit { munmap(base, byteCount) }
}
