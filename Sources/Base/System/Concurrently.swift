#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif
import Synchronization

/// Runs independent pieces of work on a few short-lived threads; for files and constants, not for inference.
package enum Concurrently {
  /// Threads of a call: the CPUs online, at most 4.
  package static let width = max(1, min(Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))), 4))

  /// Calls `body` with each of `0..<count`, in no fixed order, on up to `width` threads; returns when all are done.
  package static func perform(_ count: Int, _ body: @Sendable (Int) -> Void) {
    let helpers = min(width, count) - 1
    guard helpers > 0 else {
      for index in 0..<max(count, 0) { body(index) }
      return
    }
    withoutActuallyEscaping(body) { body in
      let burst = Burst(count: count, body: body)
      let threads = (0..<helpers).compactMap { _ in WorkerThread { burst.work() } }
      burst.work()
      for thread in threads { thread.join() }
    }
  }

  private final class Burst: Sendable {
    private let count: Int
    private let body: @Sendable (Int) -> Void
    private let next = Atomic<Int>(0)

    init(count: Int, body: @escaping @Sendable (Int) -> Void) {
      self.count = count
      self.body = body
    }

    func work() {
      while true {
        let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
        guard index < count else { return }
        body(index)
      }
    }
  }
}
