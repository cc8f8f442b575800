#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// A thread of the system that runs a closure.
package struct WorkerThread: @unchecked Sendable {
  // Sendable because a thread's handle may be joined from any thread.
  private let handle: pthread_t

  /// Starts a thread that runs `body`; nil where the system refuses.
  package init?(_ body: @escaping @Sendable () -> Void) {
    let argument = Unmanaged.passRetained(Work(body: body))
    #if canImport(Darwin)
      var started: pthread_t?
      let status = pthread_create(&started, nil, { Work.run($0) }, argument.toOpaque())
    #else
      var thread = pthread_t()
      let status = pthread_create(
        &thread, nil, { argument in argument.flatMap { Work.run($0) } }, argument.toOpaque())
      let started: pthread_t? = thread
    #endif
    guard status == 0, let started else {
      argument.release()
      return nil
    }
    handle = started
  }

  /// Waits until the closure has returned; called once.
  package func join() { pthread_join(handle, nil) }

  private final class Work: Sendable {
    let body: @Sendable () -> Void

    init(body: @escaping @Sendable () -> Void) { self.body = body }

    static func run(_ argument: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
      // Released before the thread ends, so that after `join` nothing refers to the closure.
      Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body()
      return nil
    }
  }
}
