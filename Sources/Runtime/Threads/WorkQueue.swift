import Synchronization

/// Hands out positions `0 ..< count`, each once; for work of uneven size whose order does not matter.
final class WorkQueue: Sendable {
  private let next = Atomic<Int>(0)
  let count: Int

  init(count: Int) { self.count = count }

  func take() -> Int? {
    let position = next.wrappingAdd(1, ordering: .relaxed).oldValue
    return position < count ? position : nil
  }
}

extension ThreadPool {
  /// Calls `body` with every position of `queue`, on all threads, and returns when all are done.
  func forEach(_ queue: WorkQueue, _ body: @Sendable (Int) -> Void) {
    let share: @Sendable () -> Void = {
      while let position = queue.take() { body(position) }
    }
    withoutActuallyEscaping(share) { share in
      withUnsafePointer(to: share) { pointer in
        run(
          { arguments, _, begin, end, _ in
            let share = arguments.assumingMemoryBound(to: (@Sendable () -> Void).self).pointee
            for _ in begin..<end { share() }
          }, pointer, pointer, count: threadCount)
      }
    }
  }
}
