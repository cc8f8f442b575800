import FixresBase

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Memory aligned to 64 bytes, zeroed, freed with its last reference.
package final class AlignedBlock: @unchecked Sendable {
  // Sendable because those who share one agree on who writes: packers before sharing, runs under the session's lock.
  package let base: UnsafeMutableRawPointer
  package let byteCount: Int
  private let owner: Owner

  private enum Owner {
    case heap
    case mapping
    case slab(AlignedBlock)
  }

  package init(byteCount: Int) {
    self.byteCount = byteCount
    if let pages = Self.map(byteCount) {
      (base, owner) = (pages, .mapping)
      return
    }
    owner = .heap
    base = .allocate(byteCount: max(byteCount, 1), alignment: 64)
    base.initializeMemory(as: UInt8.self, repeating: 0, count: max(byteCount, 1))
  }

  /// Memory that its maker fills whole, not zeroed first.
  package init(uninitializedByteCount byteCount: Int) {
    self.byteCount = byteCount
    if let pages = Self.map(byteCount) {
      (base, owner) = (pages, .mapping)
    } else {
      (base, owner) = (.allocate(byteCount: max(byteCount, 1), alignment: 64), .heap)
    }
  }

  /// Whether there is room for an own block of `byteCount` bytes.
  package static func isGranted(byteCount: Int) -> Bool {
    byteCount < AddressSpace.largeByteCount || AddressSpace.allows(byteCount + LargePages.byteCount)
  }

  /// Part of `slab`, which lives as long as any of its parts.
  init(_ slab: AlignedBlock, offset: Int, byteCount: Int) {
    (base, self.byteCount, owner) = (slab.base + offset, byteCount, .slab(slab))
  }

  deinit {
    switch owner {
    case .heap: base.deallocate()
    case .mapping: munmap(base, byteCount)
    case .slab: break
    }
  }

  package var floats: UnsafeMutablePointer<Float> { base.assumingMemoryBound(to: Float.self) }

  /// Pages of 2 MB where the system has them: weights are read straight through, and a hardware prefetcher stops
  /// at the end of a page. The system zeroes them when they are first touched. Nil for less than such a page.
  private static func map(_ byteCount: Int) -> UnsafeMutableRawPointer? {
    #if os(Linux)
      let huge = LargePages.byteCount
      guard byteCount >= huge, AddressSpace.allows(byteCount + huge) else { return nil }
      let flags = MAP_PRIVATE | MAP_ANONYMOUS
      guard let pages = mmap(nil, byteCount + huge, PROT_READ | PROT_WRITE, flags, -1, 0), pages != MAP_FAILED
      else { return nil }
      let head = (huge - Int(bitPattern: pages) % huge) % huge
      let used = (byteCount + 4095) & ~4095
      // What lies around the block goes back, so that no huge page is taken for a few bytes at its end.
      if head > 0 { munmap(pages, head) }
      if huge - head > used - byteCount { munmap(pages + head + used, byteCount + huge - head - used) }
      madvise(pages + head, byteCount, 14 /* MADV_HUGEPAGE */)
      return pages + head
    #else
      return nil
    #endif
  }
}
