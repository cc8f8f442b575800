import FixresBase
import Synchronization

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// A fixed set of threads that run one step after another, split statically, and sleep between runs.
///
/// Not reentrant: one caller at a time. After a `fork` the child has no workers and computes alone.
package final class ThreadPool: @unchecked Sendable {
  // Sendable because a job is written only while every worker waits for the next generation.

  private struct Job {
    var function: StepFunction
    var arguments: UnsafeRawPointer
    var context: UnsafeRawPointer
    var count: Int
    var threads: Int

    /// The part of thread `index`: contiguous, and the same at every run.
    @inline(__always)
    func run(_ index: Int) {
      let (begin, end) = (count &* index / threads, count &* (index &+ 1) / threads)
      if begin < end { function(arguments, context, begin, end, index) }
    }
  }

  /// How long a thread spins for the next step before it sleeps.
  private static let spinNanoseconds: UInt64 = 50_000

  /// Threads at work, the caller's own included.
  package private(set) var threadCount = 1
  private let shared = UnsafeMutablePointer<Shared>.allocate(capacity: 1)
  private let owner = ProcessGeneration.start()
  private var workers: [WorkerThread] = []

  /// What caller and workers share. It is no part of the pool object: a thread that held the pool would keep it for ever,
  /// as the pool ends its threads when it goes.
  private struct Shared: ~Copyable {
    let generation = Atomic<Int>(0)
    /// Workers that have not finished the current job.
    let pending = Atomic<Int>(0)
    let sleepers = Atomic<Int>(0)
    let callerSleeps = Atomic<Bool>(false)
    let stopping = Atomic<Bool>(false)
    let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    let wakeWorkers = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    let wakeCaller = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    let job = UnsafeMutablePointer<Job>.allocate(capacity: 1)
    let placement: ProcessorPlacement?

    init(placement: ProcessorPlacement?) {
      self.placement = placement
      pthread_mutex_init(mutex, nil)
      pthread_cond_init(wakeWorkers, nil)
      pthread_cond_init(wakeCaller, nil)
    }

    deinit {
      pthread_cond_destroy(wakeWorkers)
      pthread_cond_destroy(wakeCaller)
      pthread_mutex_destroy(mutex)
      mutex.deallocate()
      wakeWorkers.deallocate()
      wakeCaller.deallocate()
      job.deallocate()
    }
  }

  /// A pool of `threads` threads, or of as many as the system grants.
  package init(threads: Int) {
    shared.initialize(to: Shared(placement: threads > 1 ? ProcessorPlacement(threads: threads) : nil))
    for index in 1..<max(threads, 1) {
      // The pool, which owns what is shared, joins its workers before going.
      nonisolated(unsafe) let shared = shared
      guard let worker = WorkerThread({ Self.work(shared, index) }) else { break }
      workers.append(worker)
    }
    threadCount = workers.count + 1
  }

  deinit {
    // In a forked child others still wait, for ever, and what they wait for cannot be taken down.
    guard ProcessGeneration.current == owner else { return }
    shared.pointee.stopping.store(true, ordering: .sequentiallyConsistent)
    shared.pointee.generation.wrappingAdd(1, ordering: .sequentiallyConsistent)
    pthread_mutex_lock(shared.pointee.mutex)
    pthread_cond_broadcast(shared.pointee.wakeWorkers)
    pthread_mutex_unlock(shared.pointee.mutex)
    for worker in workers { worker.join() }
    shared.deinitialize(count: 1)
    shared.deallocate()
  }

  /// Runs `function` over items `0 ..< count` on all threads and returns when every item is done.
  package func run(
    _ function: @escaping StepFunction, _ arguments: UnsafeRawPointer, _ context: UnsafeRawPointer, count: Int
  ) {
    guard threadCount > 1, count > 1, ProcessGeneration.current == owner else {
      if count > 0 { function(arguments, context, 0, count, 0) }
      return
    }
    let job = Job(
      function: function, arguments: arguments, context: context, count: count, threads: threadCount)
    shared.pointee.job.initialize(to: job)
    var never: UInt64 = 0
    shared.pointee.placement?.settle(0, &never)
    shared.pointee.pending.store(threadCount - 1, ordering: .sequentiallyConsistent)
    shared.pointee.generation.wrappingAdd(1, ordering: .sequentiallyConsistent)
    if shared.pointee.sleepers.load(ordering: .sequentiallyConsistent) > 0 {
      pthread_mutex_lock(shared.pointee.mutex)
      pthread_cond_broadcast(shared.pointee.wakeWorkers)
      pthread_mutex_unlock(shared.pointee.mutex)
    }
    job.run(0)
    waitForWorkers()
  }

  private func waitForWorkers() {
    if Self.spin({ shared.pointee.pending.load(ordering: .acquiring) == 0 }) { return }
    pthread_mutex_lock(shared.pointee.mutex)
    shared.pointee.callerSleeps.store(true, ordering: .sequentiallyConsistent)
    while shared.pointee.pending.load(ordering: .sequentiallyConsistent) != 0 {
      pthread_cond_wait(shared.pointee.wakeCaller, shared.pointee.mutex)
    }
    shared.pointee.callerSleeps.store(false, ordering: .sequentiallyConsistent)
    pthread_mutex_unlock(shared.pointee.mutex)
  }

  private static func work(_ shared: UnsafeMutablePointer<Shared>, _ index: Int) {
    var seen = 0
    var nextMove: UInt64 = 0
    while true {
      if !spin({ shared.pointee.generation.load(ordering: .acquiring) != seen }) {
        pthread_mutex_lock(shared.pointee.mutex)
        shared.pointee.sleepers.wrappingAdd(1, ordering: .sequentiallyConsistent)
        while shared.pointee.generation.load(ordering: .sequentiallyConsistent) == seen {
          pthread_cond_wait(shared.pointee.wakeWorkers, shared.pointee.mutex)
        }
        shared.pointee.sleepers.wrappingSubtract(1, ordering: .sequentiallyConsistent)
        pthread_mutex_unlock(shared.pointee.mutex)
      }
      seen &+= 1
      if shared.pointee.stopping.load(ordering: .sequentiallyConsistent) { return }
      shared.pointee.placement?.settle(index, &nextMove)
      shared.pointee.job.pointee.run(index)
      let left = shared.pointee.pending.wrappingSubtract(1, ordering: .sequentiallyConsistent).newValue
      if left == 0, shared.pointee.callerSleeps.load(ordering: .sequentiallyConsistent) {
        pthread_mutex_lock(shared.pointee.mutex)
        pthread_cond_signal(shared.pointee.wakeCaller)
        pthread_mutex_unlock(shared.pointee.mutex)
      }
    }
  }

  /// True as soon as `isDone` is; false when it has not been for the time a thread may spin.
  @inline(__always)
  private static func spin(_ isDone: () -> Bool) -> Bool {
    if isDone() { return true }
    let start = MonotonicClock.nanoseconds()
    while true {
      for _ in 0..<64 where isDone() { return true }
      if MonotonicClock.nanoseconds() &- start > Self.spinNanoseconds { return false }
    }
  }
}
