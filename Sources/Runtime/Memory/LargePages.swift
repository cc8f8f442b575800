import FixresBase
import Synchronization

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Takes the pages of a plan's memory: of 2 MB as long as the system has such at hand, small ones after that.
///
/// Memory of large pages is read 0.3 to 2 % faster. A page of 2 MB was measured to take 0.1 ms, but 5 ms where a virtual
/// machine must first get it back from its host; 512 small ones, which such a machine does not give away, take 0.7 ms.
package final class LargePages: Sendable {
  package static let byteCount = 2 << 20
  /// Far longer than a large page takes that the system has.
  private static let usualSlowNanoseconds: UInt64 = 1_500_000
  /// Slow pages until small ones are taken: one alone may be a thread that had to wait for its processor.
  private static let mostSlowPages = 2

  private let slowNanoseconds: UInt64
  private let slowPages = Atomic<Int>(0)

  /// `slowNanoseconds` is for tests.
  package init(slowNanoseconds: UInt64? = nil) {
    self.slowNanoseconds = slowNanoseconds ?? Self.usualSlowNanoseconds
  }

  /// Touches each large page that begins in the `byteCount` bytes from `base`, which the system has been asked to
  /// make up of such pages, and which nobody has written to or needs the contents of.
  package func take(_ base: UnsafeMutableRawPointer, _ byteCount: Int) {
    #if os(Linux)
      var offset = (Self.byteCount - Int(bitPattern: base) % Self.byteCount) % Self.byteCount
      while offset < byteCount {
        guard slowPages.load(ordering: .relaxed) < Self.mostSlowPages else {
          return refuse(base + offset, byteCount - offset)
        }
        let before = MonotonicClock.nanoseconds()
        base.storeBytes(of: 0, toByteOffset: offset, as: UInt8.self)
        if MonotonicClock.nanoseconds() - before > slowNanoseconds {
          slowPages.wrappingAdd(1, ordering: .relaxed)
        }
        offset += Self.byteCount
      }
    #endif
  }

  #if os(Linux)
    /// Asks for small pages.
    private func refuse(_ start: UnsafeMutableRawPointer, _ byteCount: Int) {
      let first = (Int(bitPattern: start) + 4095) & ~4095
      let end = (Int(bitPattern: start) + byteCount) & ~4095
      guard first < end, let pages = UnsafeMutableRawPointer(bitPattern: first) else { return }
      madvise(pages, end - first, 15 /* MADV_NOHUGEPAGE */)
    }
  #endif
}
