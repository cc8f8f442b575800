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

  /// - Throws: `outOfMemory` where the system refuses.
  package init(byteCount: Int, zeroed: Bool = false) throws(ImageError) {
    let (total, overflow) = byteCount.addingReportingOverflow(PixelBuffer.slack)
    guard byteCount >= 0, !overflow, let block = zeroed ? calloc(total, 1) : malloc(total)
    else {
      throw .outOfMemory(byteCount: byteCount)
    }
    base = block.assumingMemoryBound(to: UInt8.self)
    self.byteCount = byteCount
  }

  deinit { free(base) }
}
