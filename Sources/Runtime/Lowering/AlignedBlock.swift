/// Memory aligned to 64 bytes, freed with its last reference.
package final class AlignedBlock: @unchecked Sendable {
  // Sendable because those who share one agree on who writes: packers before sharing, runs under the session's lock.
  package let base: UnsafeMutableRawPointer
  package let byteCount: Int

  /// Zeroed memory.
  package init(byteCount: Int) {
    self.byteCount = byteCount
    base = Self.allocate(byteCount)
    base.initializeMemory(as: UInt8.self, repeating: 0, count: max(byteCount, 1))
  }

  package convenience init(floatCount: Int) { self.init(byteCount: floatCount * 4) }

  /// Memory that its maker fills whole, not zeroed first.
  package init(uninitializedFloatCount count: Int) {
    byteCount = count * 4
    base = Self.allocate(byteCount)
  }

  deinit { base.deallocate() }

  package var floats: UnsafeMutablePointer<Float> { base.assumingMemoryBound(to: Float.self) }

  private static func allocate(_ byteCount: Int) -> UnsafeMutableRawPointer {
    .allocate(byteCount: max(byteCount, 1), alignment: 64)
  }
}
