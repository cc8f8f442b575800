import Synchronization

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Turns the fault that reading a mapped file raises once another program has cut the file short (SIGBUS) into an
/// error of the call that reads it.
///
/// The handler puts zeros where the file's pages were and marks the mapping, which whoever reads it checks before a
/// result is returned. Any other SIGBUS goes on to the handler that was installed before.
public enum MappingGuard {
  /// Maps large files from now on: models open without a copy. A process that has not called this reads them into
  /// its memory instead, and its signal handlers stay as they are.
  ///
  /// A handler for SIGBUS that the process installs afterwards must call the one that it finds.
  public static func install() {
    _ = installation
  }

  /// Whether large files are mapped.
  package static var isInstalled: Bool { installed.load(ordering: .acquiring) }

  private static let installed = Atomic<Bool>(false)

  private static let installation: Void = {
    (regions + 0).pointee.start.store(0, ordering: .relaxed)
    var action = sigaction()
    setHandler(&action)
    action.sa_flags = SA_SIGINFO | SA_ONSTACK
    sigemptyset(&action.sa_mask)
    guard sigaction(SIGBUS, &action, &previous) == 0 else { return }
    installed.store(true, ordering: .releasing)
  }()

  /// What handled SIGBUS before; written once, before the handler can run.
  private nonisolated(unsafe) static var previous = sigaction()

  // MARK: - Regions

  /// A mapping. Words are atomic, since a signal handler may not lock.
  private struct Region: ~Copyable {
    let isTaken = Atomic<Bool>(false)
    let start = Atomic<UInt>(0)
    let end = Atomic<UInt>(0)
    let isTorn = Atomic<Bool>(false)
  }

  /// Mappings at a time; files beyond are read.
  package static let regionCount = 256
  private nonisolated(unsafe) static let regions: UnsafeMutablePointer<Region> = {
    let regions = UnsafeMutablePointer<Region>.allocate(capacity: regionCount)
    for index in 0..<regionCount { (regions + index).initialize(to: Region()) }
    return regions
  }()

  /// A place for a mapping that is about to be made; nil where all are taken.
  static func reserve() -> Int? {
    (0..<regionCount).first { index in
      regions[index].isTaken.compareExchange(
        expected: false, desired: true, ordering: .acquiringAndReleasing
      ).exchanged
    }
  }

  /// Guards `byteCount` bytes from `base` on.
  static func guardRegion(_ index: Int, _ base: UnsafeRawPointer, _ byteCount: Int) {
    regions[index].isTorn.store(false, ordering: .relaxed)
    regions[index].end.store(UInt(bitPattern: base) + UInt(byteCount), ordering: .relaxed)
    regions[index].start.store(UInt(bitPattern: base), ordering: .releasing)
  }

  /// Ends the guard of a mapping that nobody reads any more.
  static func release(_ index: Int) {
    regions[index].start.store(0, ordering: .relaxed)
    regions[index].end.store(0, ordering: .relaxed)
    regions[index].isTaken.store(false, ordering: .releasing)
  }

  /// Whether zeros were read in place of the file's bytes.
  static func isTorn(_ index: Int) -> Bool { regions[index].isTorn.load(ordering: .acquiring) }

  // MARK: - The handler

  private static let handler:
    @convention(c) (Int32, UnsafeMutablePointer<siginfo_t>?, UnsafeMutableRawPointer?) -> Void = {
      number, info, context in
      let code = errno
      if let info, MappingGuard.tear(MappingGuard.address(info)) {
        errno = code
        return
      }
      MappingGuard.passOn(number, info, context)
    }

  /// Puts zeros from the page of `address` to the end of its mapping; false where it lies in none.
  private static func tear(_ address: UInt) -> Bool {
    for index in 0..<regionCount {
      let start = regions[index].start.load(ordering: .acquiring)
      let end = regions[index].end.load(ordering: .relaxed)
      guard start != 0, address >= start, address < end else { continue }
      regions[index].isTorn.store(true, ordering: .releasing)
      let page = address & ~4095
      let flags = MAP_PRIVATE | MAP_ANON | MAP_FIXED
      let made = mmap(
        UnsafeMutableRawPointer(bitPattern: page), Int(end - page), PROT_READ, flags, -1, 0)
      return made != MAP_FAILED
    }
    return false
  }

  private static func passOn(
    _ number: Int32, _ info: UnsafeMutablePointer<siginfo_t>?, _ context: UnsafeMutableRawPointer?
  ) {
    let plain = plainHandler(previous)
    if isDefaultOrIgnored(plain) {
      // The instruction faults again, and the system ends the process.
      signal(number, SIG_DFL)
    } else if previous.sa_flags & SA_SIGINFO != 0 {
      informedHandler(previous)?(number, info, context)
    } else {
      plain?(number)
    }
  }

  private static func isDefaultOrIgnored(_ handler: (@convention(c) (Int32) -> Void)?) -> Bool {
    let address = unsafeBitCast(handler, to: UInt.self)
    return address == unsafeBitCast(SIG_DFL, to: UInt.self)
      || address == unsafeBitCast(SIG_IGN, to: UInt.self)
  }

  // MARK: - What differs between systems

  #if canImport(Darwin)
    private static func setHandler(_ action: inout sigaction) {
      action.__sigaction_u.__sa_sigaction = handler
    }
    private static func plainHandler(_ action: sigaction) -> (@convention(c) (Int32) -> Void)? {
      action.__sigaction_u.__sa_handler
    }
    private static func informedHandler(_ action: sigaction)
      -> (@convention(c) (Int32, UnsafeMutablePointer<siginfo_t>?, UnsafeMutableRawPointer?) -> Void)?
    { action.__sigaction_u.__sa_sigaction }
    private static func address(_ info: UnsafeMutablePointer<siginfo_t>) -> UInt {
      UInt(bitPattern: info.pointee.si_addr)
    }
  #elseif canImport(Musl)
    private static func setHandler(_ action: inout sigaction) { action.__sa_handler.sa_sigaction = handler }
    private static func plainHandler(_ action: sigaction) -> (@convention(c) (Int32) -> Void)? {
      action.__sa_handler.sa_handler
    }
    private static func informedHandler(_ action: sigaction)
      -> (@convention(c) (Int32, UnsafeMutablePointer<siginfo_t>?, UnsafeMutableRawPointer?) -> Void)?
    { action.__sa_handler.sa_sigaction }
    private static func address(_ info: UnsafeMutablePointer<siginfo_t>) -> UInt {
      UInt(bitPattern: info.pointee.__si_fields.__sigfault.si_addr)
    }
  #else
    private static func setHandler(_ action: inout sigaction) {
      action.__sigaction_handler.sa_sigaction = handler
    }
    private static func plainHandler(_ action: sigaction) -> (@convention(c) (Int32) -> Void)? {
      action.__sigaction_handler.sa_handler
    }
    private static func informedHandler(_ action: sigaction)
      -> (@convention(c) (Int32, UnsafeMutablePointer<siginfo_t>?, UnsafeMutableRawPointer?) -> Void)?
    { action.__sigaction_handler.sa_sigaction }
    private static func address(_ info: UnsafeMutablePointer<siginfo_t>) -> UInt {
      UInt(bitPattern: info.pointee._sifields._sigfault.si_addr)
    }
  #endif
}
