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
  private let generation = Atomic<Int>(0)
  /// Workers that have not finished the current job.
  private let pending = Atomic<Int>(0)
  private let sleepers = Atomic<Int>(0)
  private let callerSleeps = Atomic<Bool>(false)
  private let stopping = Atomic<Bool>(false)
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let wakeWorkers = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private let wakeCaller = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private let job = UnsafeMutablePointer<Job>.allocate(capacity: 1)
  private let owner = getpid()
  private let placement: ProcessorPlacement?
  private var workers: [pthread_t] = []

  /// What a new thread is told; it does not own the pool, which joins it before going.
  private final class Start {
    unowned(unsafe) let pool: ThreadPool
    let index: Int

    init(_ pool: ThreadPool, _ index: Int) {
      self.pool = pool
      self.index = index
    }
  }

  /// A pool of `threads` threads, or of as many as the system grants.
  package init(threads: Int) {
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(wakeWorkers, nil)
    pthread_cond_init(wakeCaller, nil)
    placement = threads > 1 ? ProcessorPlacement(threads: threads) : nil
    for index in 1..<max(threads, 1) {
      guard let worker = Self.spawn(Start(self, index)) else { break }
      workers.append(worker)
    }
    threadCount = workers.count + 1
  }

  deinit {
    if getpid() == owner {
      stopping.store(true, ordering: .sequentiallyConsistent)
      generation.wrappingAdd(1, ordering: .sequentiallyConsistent)
      pthread_mutex_lock(mutex)
      pthread_cond_broadcast(wakeWorkers)
      pthread_mutex_unlock(mutex)
      for worker in workers { pthread_join(worker, nil) }
    }
    pthread_cond_destroy(wakeWorkers)
    pthread_cond_destroy(wakeCaller)
    pthread_mutex_destroy(mutex)
    mutex.deallocate()
    wakeWorkers.deallocate()
    wakeCaller.deallocate()
    job.deallocate()
  }

  private static func spawn(_ start: Start) -> pthread_t? {
    let argument = Unmanaged.passRetained(start)
    #if canImport(Darwin)
      var thread: pthread_t?
      let status = pthread_create(&thread, nil, { ThreadPool.begin($0) }, argument.toOpaque())
      let created = thread
    #else
      var thread = pthread_t()
      let status = pthread_create(
        &thread, nil, { argument in argument.flatMap { ThreadPool.begin($0) } }, argument.toOpaque())
      let created: pthread_t? = thread
    #endif
    guard status == 0 else {
      argument.release()
      return nil
    }
    return created
  }

  private static func begin(_ argument: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
    let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
    start.pool.work(start.index)
    return nil
  }

  /// Runs `function` over items `0 ..< count` on all threads and returns when every item is done.
  package func run(
    _ function: @escaping StepFunction, _ arguments: UnsafeRawPointer, _ context: UnsafeRawPointer, count: Int
  ) {
    guard threadCount > 1, count > 1, getpid() == owner else {
      if count > 0 { function(arguments, context, 0, count, 0) }
      return
    }
    let job = Job(
      function: function, arguments: arguments, context: context, count: count, threads: threadCount)
    self.job.initialize(to: job)
    var never: UInt64 = 0
    placement?.settle(0, &never)
    pending.store(threadCount - 1, ordering: .sequentiallyConsistent)
    generation.wrappingAdd(1, ordering: .sequentiallyConsistent)
    if sleepers.load(ordering: .sequentiallyConsistent) > 0 {
      pthread_mutex_lock(mutex)
      pthread_cond_broadcast(wakeWorkers)
      pthread_mutex_unlock(mutex)
    }
    job.run(0)
    waitForWorkers()
  }

  private func waitForWorkers() {
    if spin({ pending.load(ordering: .acquiring) == 0 }) { return }
    pthread_mutex_lock(mutex)
    callerSleeps.store(true, ordering: .sequentiallyConsistent)
    while pending.load(ordering: .sequentiallyConsistent) != 0 { pthread_cond_wait(wakeCaller, mutex) }
    callerSleeps.store(false, ordering: .sequentiallyConsistent)
    pthread_mutex_unlock(mutex)
  }

  private func work(_ index: Int) {
    var seen = 0
    var nextMove: UInt64 = 0
    while true {
      if !spin({ generation.load(ordering: .acquiring) != seen }) {
        pthread_mutex_lock(mutex)
        sleepers.wrappingAdd(1, ordering: .sequentiallyConsistent)
        while generation.load(ordering: .sequentiallyConsistent) == seen {
          pthread_cond_wait(wakeWorkers, mutex)
        }
        sleepers.wrappingSubtract(1, ordering: .sequentiallyConsistent)
        pthread_mutex_unlock(mutex)
      }
      seen &+= 1
      if stopping.load(ordering: .sequentiallyConsistent) { return }
      placement?.settle(index, &nextMove)
      job.pointee.run(index)
      let left = pending.wrappingSubtract(1, ordering: .sequentiallyConsistent).newValue
      if left == 0, callerSleeps.load(ordering: .sequentiallyConsistent) {
        pthread_mutex_lock(mutex)
        pthread_cond_signal(wakeCaller)
        pthread_mutex_unlock(mutex)
      }
    }
  }

  /// True as soon as `isDone` is; false when it has not been for the time a thread may spin.
  @inline(__always)
  private func spin(_ isDone: () -> Bool) -> Bool {
    if isDone() { return true }
    let start = MonotonicClock.nanoseconds()
    while true {
      for _ in 0..<64 where isDone() { return true }
      if MonotonicClock.nanoseconds() &- start > Self.spinNanoseconds { return false }
    }
  }
}
