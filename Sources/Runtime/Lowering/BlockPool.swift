import FixresBase
import Synchronization

/// Hands out the blocks of one plan's weights side by side, so that small ones share pages of 2 MB too.
package final class BlockPool: Sendable {
  #if os(Linux)
    /// Address space that is taken at a time; memory is what its blocks touch.
    private static let slabByteCount = 64 << 20
    /// Far longer than 2 MB take that the system has: measured 0.1 ms, and 5 ms where a virtual machine must first get
    /// them back from its host; 512 small pages, which such a machine does not give away, take 0.7 ms.
    private static let usualSlowPageNanoseconds: UInt64 = 1_500_000
    /// Slow pages until small ones are taken: one alone may be a thread that had to wait for its processor.
    private static let mostSlowPages = 2
    private let slab = Mutex<(block: AlignedBlock, used: Int)?>(nil)
    private let slowPages = Atomic<Int>(0)
    private let slowPageNanoseconds: UInt64
  #endif

  /// `slowPageNanoseconds` is for tests.
  package init(slowPageNanoseconds: UInt64? = nil) {
    #if os(Linux)
      self.slowPageNanoseconds = slowPageNanoseconds ?? Self.usualSlowPageNanoseconds
    #endif
  }

  /// A zeroed block of `count` floats, aligned to 64 bytes; address space until it is written.
  package func reserve(floatCount count: Int) -> AlignedBlock {
    #if os(Linux)
      let byteCount = (count * 4 + 63) & ~63
      return slab.withLock { slab in
        if let (block, used) = slab, used + byteCount <= block.byteCount {
          slab = (block, used + byteCount)
          return AlignedBlock(block, offset: used, byteCount: count * 4)
        }
        let block = AlignedBlock(byteCount: max(byteCount, Self.slabByteCount))
        slab = (block, byteCount)
        return AlignedBlock(block, offset: 0, byteCount: count * 4)
      }
    #else
      return AlignedBlock(floatCount: count)
    #endif
  }

  /// The same with its pages taken.
  package func block(floatCount count: Int) -> AlignedBlock {
    let block = reserve(floatCount: count)
    takePages(of: block)
    return block
  }

  /// Takes the large pages that begin in `block` one by one, and small ones for what is left once they are slow.
  package func takePages(of block: AlignedBlock) {
    #if os(Linux)
      let huge = AlignedBlock.hugePageByteCount
      var offset = (huge - Int(bitPattern: block.base) % huge) % huge
      while offset < block.byteCount {
        guard slowPages.load(ordering: .relaxed) < Self.mostSlowPages else {
          block.refuseHugePages(from: offset)
          return
        }
        let before = MonotonicClock.nanoseconds()
        block.base.storeBytes(of: 0, toByteOffset: offset, as: UInt8.self)
        if MonotonicClock.nanoseconds() - before > slowPageNanoseconds {
          slowPages.wrappingAdd(1, ordering: .relaxed)
        }
        offset += huge
      }
    #endif
  }
}
