import Synchronization

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Bytes on the heap that are not initialised, with room behind them for whole SIMD reads and writes.
package final class PixelBuffer: @unchecked Sendable {
  // Sendable because the bytes are never written once the owner has handed the buffer out.

  /// Bytes behind `byteCount` that may be read and written, without meaning.
  package static let slack = 64

  package let base: UnsafeMutablePointer<UInt8>
  package let byteCount: Int
  private let capacity: Int

  /// - Throws: `outOfMemory` where the system refuses.
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
    guard let block = zeroed ? calloc(total, 1) : malloc(total) else {
      throw .outOfMemory(byteCount: byteCount)
    }
    base = block.assumingMemoryBound(to: UInt8.self)
    capacity = total
  }

  deinit {
    if !KeptBlocks.put(KeptBlocks.Block(base: base, capacity: capacity)) { free(base) }
  }
}

/// A few blocks that pictures have given back, kept for the next ones.
///
/// The system would return blocks of this size at once and clear them page by page when asked again, which takes
/// a quarter of the time of decoding a photo.
private enum KeptBlocks {
  struct Block: @unchecked Sendable {
    let base: UnsafeMutablePointer<UInt8>
    let capacity: Int
  }

  /// Below, the C library keeps blocks itself; above, they are too much to hold on to.
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

  /// False where the block is not kept.
  static func put(_ block: Block) -> Bool {
    guard capacities.contains(block.capacity) else { return false }
    return blocks.withLock { blocks in
      guard blocks.count < mostBlocks else { return false }
      blocks.append(block)
      return true
    }
  }
}
