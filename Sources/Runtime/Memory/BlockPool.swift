import Synchronization

/// Hands out the blocks of one plan's weights side by side, so that small ones share pages of 2 MB too.
package final class BlockPool: Sendable {
  package let pages: LargePages
  #if os(Linux)
    /// Address space that is taken at a time; memory is what its blocks touch.
    private static let slabByteCount = 64 << 20
    private let slab = Mutex<(block: AlignedBlock, used: Int)?>(nil)
  #endif

  package init(pages: LargePages = LargePages()) { self.pages = pages }

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
    pages.take(block.base, block.byteCount)
    return block
  }
}
