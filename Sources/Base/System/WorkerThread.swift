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

  /// Bytes of a thread's stack where the address space is limited: a usual one of 8 MB would take much of that.
  private static let smallStackByteCount = 1 << 20

  /// Starts a thread that runs `body`; nil where the system or the limits of the process refuse.
  package init?(_ body: @escaping @Sendable () -> Void) {
    let isLimited = AddressSpace.isLimited
    if isLimited, !AddressSpace.allows(Self.smallStackByteCount) { return nil }
    var attributes = pthread_attr_t()
    guard pthread_attr_init(&attributes) == 0 else { return nil }
    defer { pthread_attr_destroy(&attributes) }
    if isLimited { pthread_attr_setstacksize(&attributes, Self.smallStackByteCount) }
    let argument = Unmanaged.passRetained(Work(body: body))
    #if canImport(Darwin)
      var started: pthread_t?
      let status = pthread_create(&started, &attributes, { Work.run($0) }, argument.toOpaque())
    #else
      var thread = pthread_t()
      let status = pthread_create(
        &thread, &attributes, { argument in argument.flatMap { Work.run($0) } }, argument.toOpaque())
      let started: pthread_t? = thread
    #endif
    guard status == 0, let started else {
      argument.release()
      return nil
    }
    handle = started
  }

  /// Waits until the closure has returned; called once, unless the thread is detached.
  package func join() { pthread_join(handle, nil) }

  /// Lets the system take back what the thread holds once it ends, where nobody waits for it.
  package func detach() { pthread_detach(handle) }

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
