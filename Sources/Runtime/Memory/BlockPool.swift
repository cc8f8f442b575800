import FixresBase
import Synchronization

/// Hands out the blocks of one plan's weights side by side, so that small ones share pages of 2 MB too.
package final class BlockPool: Sendable {
  package let pages: LargePages
  #if os(Linux)
    /// Address space that is taken at a time; memory is what its blocks touch.
    private static let slabByteCount = 64 << 20
    /// The same where address space is limited.
    private static let smallSlabByteCount = 4 << 20
    private let slab = Mutex<(block: AlignedBlock, used: Int)?>(nil)
  #endif

  package init(pages: LargePages = LargePages()) { self.pages = pages }

  /// A zeroed block of `byteCount` bytes, aligned to 64 bytes; address space until it is written. Nil where the
  /// limits of the process refuse it.
  package func reserve(byteCount: Int) -> AlignedBlock? {
    #if os(Linux)
      let used = (byteCount + 63) & ~63
      return slab.withLock { slab in
        if let (block, end) = slab, end + used <= block.byteCount {
          slab = (block, end + used)
          return AlignedBlock(block, offset: end, byteCount: byteCount)
        }
        let count = max(used, AddressSpace.isLimited ? Self.smallSlabByteCount : Self.slabByteCount)
        guard AlignedBlock.isGranted(byteCount: count) else { return nil }
        let block = AlignedBlock(byteCount: count)
        slab = (block, used)
        return AlignedBlock(block, offset: 0, byteCount: byteCount)
      }
    #else
      guard AlignedBlock.isGranted(byteCount: byteCount) else { return nil }
      return AlignedBlock(byteCount: byteCount)
    #endif
  }

  /// The same with its pages taken.
  package func block(byteCount: Int) -> AlignedBlock? {
    guard let block = reserve(byteCount: byteCount) else { return nil }
    pages.take(block.base, block.byteCount)
    return block
  }
}
