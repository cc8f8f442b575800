#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// What the limits of the process (`ulimit -v` and `-d`) leave of its address space.
///
/// A refused allocation of the language's own ends the process. Large memory is therefore asked for here first, and is
/// refused as long as the rest would not do for what is small.
package enum AddressSpace {
  /// Bytes that large memory leaves to the rest: the heap, stacks, code that is loaded on first use.
  package static let reserve = 24 << 20
  /// Memory of at least so many bytes is large.
  package static let largeByteCount = 1 << 20

  /// Whether the process has such a limit.
  package static var isLimited: Bool {
    isFinite(addressSpaceLimit) || isFinite(dataLimit)
  }

  /// Keeps the C library from reserving 64 MB of address space for the heap of every thread, where there is a limit; for
  /// a program that does one thing and ends.
  package static func spare() {
    #if canImport(Glibc)
      typealias Option = @convention(c) (Int32, Int32) -> Int32
      let mostArenas: Int32 = -8  // M_ARENA_MAX of malloc.h
      guard isLimited, let option = dlsym(nil, "mallopt") else { return }
      _ = unsafeBitCast(option, to: Option.self)(mostArenas, 1)
    #endif
  }

  /// Whether the limits leave room for `byteCount` bytes more.
  package static func allows(_ byteCount: Int) -> Bool {
    !isLimited || isGranted(byteCount)
  }

  /// The most bytes for which there is room; `Int.max` without a limit.
  package static func available() -> Int {
    guard isLimited else { return .max }
    var (granted, refused) = (0, 1 << 46)
    while refused - granted > 1 << 16 {
      let middle = granted + (refused - granted) / 2
      if isGranted(middle) { granted = middle } else { refused = middle }
    }
    return granted
  }

  /// Asks the system, which needs no `/proc` and counts as it will count later.
  private static func isGranted(_ byteCount: Int) -> Bool {
    let (total, overflow) = byteCount.addingReportingOverflow(reserve)
    guard !overflow, byteCount >= 0 else { return false }
    #if os(Linux)
      let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
    #else
      let flags = MAP_PRIVATE | MAP_ANON
    #endif
    guard let base = mmap(nil, total, PROT_READ | PROT_WRITE, flags, -1, 0), base != MAP_FAILED else {
      return false
    }
    munmap(base, total)
    return true
  }

  #if os(Linux) && canImport(Glibc)
    private static let addressSpaceLimit = __rlimit_resource_t(RLIMIT_AS.rawValue)
    private static let dataLimit = __rlimit_resource_t(RLIMIT_DATA.rawValue)

    private static func isFinite(_ resource: __rlimit_resource_t) -> Bool {
      var limit = rlimit()
      return getrlimit(resource, &limit) == 0 && limit.rlim_cur != .max
    }
  #else
    private static let addressSpaceLimit = RLIMIT_AS
    private static let dataLimit = RLIMIT_DATA

    private static func isFinite(_ resource: Int32) -> Bool {
      var limit = rlimit()
      // Darwin's RLIM_INFINITY is 2^63 - 1, Linux's 2^64 - 1.
      return getrlimit(resource, &limit) == 0 && limit.rlim_cur < rlim_t(Int.max)
    }
  #endif
}
