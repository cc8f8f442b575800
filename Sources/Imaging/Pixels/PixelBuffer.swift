import FixresBase
import Synchronization

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Uninitialised bytes on the heap with `slack` bytes behind them, so that whole vectors can be read and written at
/// the end.
package final class PixelBuffer: @unchecked Sendable {
  // Sendable because the bytes are not written after the picture that owns them is complete.

  /// Bytes after `byteCount` that may be read and written; their values are undefined.
  package static let slack = 64

  package let base: UnsafeMutablePointer<UInt8>
  package let byteCount: Int
  private let capacity: Int

  /// A buffer of `byteCount` bytes.
  ///
  /// - Throws: `outOfMemory` where the allocation fails.
  package init(byteCount: Int, zeroed: Bool = false) throws(ImageError) {
    let (total, overflow) = byteCount.addingReportingOverflow(PixelBuffer.slack)
    guard byteCount >= 0, !overflow else { throw .outOfMemory(byteCount: byteCount) }
    self.byteCount = byteCount
    if let kept = KeptBlocks.take(atLeast: total) {
      base = kept.base
      capacity = kept.capacity
      if zeroed { memset(base, 0, total) }
      return
    }
    guard total < AddressSpace.largeByteCount || AddressSpace.allows(total),
      let block = zeroed ? calloc(total, 1) : malloc(total)
    else {
      throw .outOfMemory(byteCount: byteCount)
    }
    base = block.assumingMemoryBound(to: UInt8.self)
    capacity = total
  }

  deinit {
    if !KeptBlocks.put(KeptBlocks.Block(base: base, capacity: capacity)) { free(base) }
  }
}

/// A free list of a few blocks.
///
/// The C library returns blocks of this size to the system, which clears the pages again on the next use: a quarter
/// of the time of decoding a photo.
private enum KeptBlocks {
  struct Block: @unchecked Sendable {
    let base: UnsafeMutablePointer<UInt8>
    let capacity: Int
  }

  /// Sizes in bytes that are kept: the C library caches smaller blocks itself, larger ones would hold much memory.
  private static let capacities = 64 << 10...4 << 20
  private static let mostBlocks = 12
  private static let blocks = Mutex<[Block]>([])

  static func take(atLeast byteCount: Int) -> Block? {
    guard capacities.contains(byteCount) else { return nil }
    return blocks.withLock { blocks in
      guard let index = blocks.firstIndex(where: { $0.capacity >= byteCount && $0.capacity / 2 <= byteCount })
      else { return nil }
      return blocks.remove(at: index)
    }
  }

  /// Adds `block` to the list; false where it is not kept.
  static func put(_ block: Block) -> Bool {
    guard capacities.contains(block.capacity) else { return false }
    return blocks.withLock { blocks in
      guard blocks.count < mostBlocks else { return false }
      blocks.append(block)
      return true
    }
  }
}
