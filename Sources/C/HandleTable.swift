#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Objects that C code knows by handles: numbers that are looked up, never addresses, so that a handle that is none is
/// found out.
final class HandleTable<Object: AnyObject & Sendable>: @unchecked Sendable {
  // Sendable because the lock guards `objects` and `last`.
  private var objects: [UInt: Object] = [:]
  private var last: UInt
  private let name: String

  /// A table of handles for arguments called `name`; handles of tables with different last digits of `base` differ.
  init(_ name: String, base: UInt) {
    self.name = name
    last = base
  }

  /// A new handle of `object`; no handle comes again.
  func add(_ object: Object) -> OpaquePointer? {
    HandleLock.hold {
      last += 16
      objects[last] = object
      return OpaquePointer(bitPattern: last)
    }
  }

  /// The object of `handle`.
  func object(_ handle: OpaquePointer?) throws(CFailure) -> Object {
    guard let object = HandleLock.hold({ objects[UInt(bitPattern: handle)] }) else { throw unknown(handle) }
    return object
  }

  /// Forgets `handle`.
  func remove(_ handle: OpaquePointer?) throws(CFailure) {
    // The object goes after the lock: its end may take long.
    let object = HandleLock.hold { objects.removeValue(forKey: UInt(bitPattern: handle)) }
    if object == nil { throw unknown(handle) }
  }

  private func unknown(_ handle: OpaquePointer?) -> CFailure {
    .argument(name, "a handle that is in use, found \(handle == nil ? "null" : "another value")")
  }
}

/// The lock of all tables. A fork waits for it, so that a child does not find it held by a thread that it does not have.
private enum HandleLock {
  nonisolated(unsafe) private static let mutex: UnsafeMutablePointer<pthread_mutex_t> = {
    let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    pthread_mutex_init(mutex, nil)
    return mutex
  }()

  private static let registration: Void = {
    pthread_atfork(
      { pthread_mutex_lock(HandleLock.mutex) }, { pthread_mutex_unlock(HandleLock.mutex) },
      { pthread_mutex_unlock(HandleLock.mutex) })
  }()

  static func hold<R>(_ body: () -> R) -> R {
    _ = registration
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return body()
  }
}
