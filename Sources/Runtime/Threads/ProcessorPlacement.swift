import FixresBase
import Synchronization

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Keeps the threads of a pool on CPUs of their own, without pinning any of them.
///
/// Two threads that wait for one another in turn look like one busy thread to the scheduler: once another process has
/// driven both to one CPU they stay there for tens of milliseconds, at 2 to 5 times the latency. A worker that finds
/// itself on the CPU of an earlier thread moves to a free one, and may be moved again by the scheduler. Beside a
/// process that works 4 ms in 34, runs took 5 to 8 % less on the mean; on a quiet machine it changes nothing.
package final class ProcessorPlacement: @unchecked Sendable {
  // Sendable because what `places` points to is atomic.

  private typealias CurrentProcessor = @convention(c) () -> Int32
  private typealias Affinity = @convention(c) (Int32, Int, UnsafeMutableRawPointer) -> Int32

  /// Longest affinity mask asked for: 1024 CPUs.
  private static let maskByteCount = 128
  /// A thread that could not get free of others does not try again before this has passed.
  private static let pauseNanoseconds: UInt64 = 1_000_000

  private let processor: CurrentProcessor
  private let getAffinity: Affinity
  private let setAffinity: Affinity
  /// The CPU that each thread was last seen on; -1 before.
  private let places: UnsafeMutablePointer<Atomic<Int32>>
  private let threadCount: Int

  /// Nil where the system has no such calls.
  package init?(threads: Int) {
    // Looked up by name: the headers show these calls only with an extension macro that Swift does not set.
    guard let processor = dlsym(nil, "sched_getcpu"), let get = dlsym(nil, "sched_getaffinity"),
      let set = dlsym(nil, "sched_setaffinity")
    else { return nil }
    self.processor = unsafeBitCast(processor, to: CurrentProcessor.self)
    getAffinity = unsafeBitCast(get, to: Affinity.self)
    setAffinity = unsafeBitCast(set, to: Affinity.self)
    threadCount = threads
    places = .allocate(capacity: threads)
    for index in 0..<threads { (places + index).initialize(to: Atomic(-1)) }
  }

  deinit {
    places.deinitialize(count: threadCount)
    places.deallocate()
  }

  /// The CPU that thread `index` was last seen on, or has moved to; -1 before.
  package func place(of index: Int) -> Int32 { places[index].load(ordering: .relaxed) }

  /// Notes where thread `index` is, and moves it where an earlier thread was last seen on the same CPU.
  @inline(__always)
  package func settle(_ index: Int, _ nextTry: inout UInt64) {
    let here = processor()
    places[index].store(here, ordering: .relaxed)
    for earlier in 0..<index where places[earlier].load(ordering: .relaxed) == here {
      leave(here, index, &nextTry)
      return
    }
  }

  private func leave(_ here: Int32, _ index: Int, _ nextTry: inout UInt64) {
    let now = MonotonicClock.nanoseconds()
    guard here >= 0, now >= nextTry else { return }
    nextTry = now &+ Self.pauseNanoseconds
    withUnsafeTemporaryAllocation(byteCount: 2 * Self.maskByteCount, alignment: 8) { masks in
      guard let allowed = masks.baseAddress else { return }
      let target = allowed + Self.maskByteCount
      allowed.initializeMemory(as: UInt8.self, repeating: 0, count: 2 * Self.maskByteCount)
      guard getAffinity(0, Self.maskByteCount, allowed) >= 0 else { return }
      for candidate in 0..<Int32(8 * Self.maskByteCount)
      where Self.contains(allowed, candidate) && !isTaken(candidate, index) {
        let byte = UInt8(1) << UInt8(candidate % 8)
        target.storeBytes(of: byte, toByteOffset: Int(candidate / 8), as: UInt8.self)
        guard setAffinity(0, Self.maskByteCount, target) == 0 else { return }
        _ = setAffinity(0, Self.maskByteCount, allowed)
        places[index].store(candidate, ordering: .relaxed)
        return
      }
    }
  }

  private func isTaken(_ processor: Int32, _ index: Int) -> Bool {
    (0..<threadCount).contains { $0 != index && places[$0].load(ordering: .relaxed) == processor }
  }

  private static func contains(_ mask: UnsafeMutableRawPointer, _ processor: Int32) -> Bool {
    mask.load(fromByteOffset: Int(processor / 8), as: UInt8.self) >> UInt8(processor % 8) & 1 == 1
  }
}
