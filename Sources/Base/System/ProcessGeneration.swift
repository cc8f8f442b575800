import Synchronization

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Which process this is since the library was first used: a `fork` makes another one, which has one thread and locks
/// that threads of its parent may have held.
package enum ProcessGeneration {
  private static let number = Atomic<UInt32>(0)

  private static let registration: Void = {
    // Neither the id of a process nor that of its parent would do: both may come again.
    pthread_atfork(nil, nil, { ProcessGeneration.number.wrappingAdd(1, ordering: .sequentiallyConsistent) })
  }()

  /// The number to compare with later.
  package static func start() -> UInt32 {
    _ = registration
    return current
  }

  /// The number now; takes a nanosecond.
  package static var current: UInt32 { number.load(ordering: .relaxed) }
}

/// Admits threads to what a lock guards, and tells a forked child that a thread of its parent was inside: that lock
/// will never be given back, and what it guards is half done.
package final class ForkGate: Sendable {
  /// The process in the upper half, threads inside in the lower one.
  private let state: Atomic<UInt64>

  package init() { state = Atomic(UInt64(ProcessGeneration.start()) << 32) }

  /// Enters; false in a child that was forked while a thread was inside.
  package func enter() -> Bool {
    let generation = UInt64(ProcessGeneration.current)
    var seen = state.load(ordering: .relaxed)
    while true {
      let isOwn = seen >> 32 == generation
      guard isOwn || UInt32(truncatingIfNeeded: seen) == 0 else { return false }
      let next = isOwn ? seen + 1 : generation << 32 | 1
      let (done, found) = state.weakCompareExchange(
        expected: seen, desired: next, ordering: .sequentiallyConsistent)
      if done { return true }
      seen = found
    }
  }

  /// Leaves after `enter` gave true.
  package func leave() { state.wrappingSubtract(1, ordering: .sequentiallyConsistent) }
}
