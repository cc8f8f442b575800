#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// A regular file that is open for reading, and its stamp from before its first byte was read.
final class OpenFile {
  let descriptor: Int32
  let path: String
  private(set) var stamp: FileStamp
  /// Whether the stamp shows every write from now on.
  ///
  /// A call of `write` sets the time when it begins and then copies for as long as it takes, and systems count the time
  /// in steps of up to 10 ms. A file that has not changed for a while is settled; so is one that has not changed for
  /// such a step and that nobody has open for writing.
  private(set) var isSettled = true
  /// Whether the system keeps others from opening the file for writing (a lease), as long as this value lives.
  private(set) var isLeased = false
  private let isOwned: Bool

  /// No call of `write` is under way for so long, and no program pauses for so long between two writes.
  private static let settledNanoseconds = 2_000_000_000
  /// Where the system does not tell whether a program has the file open for writing, one that has is taken not to pause
  /// for so long between two writes.
  private static let quietNanoseconds = 250_000_000
  /// Longer than a step of the clock that stamps files.
  private static let stepNanoseconds = 20_000_000
  /// Steps until a file that keeps changing is given up: 3 s, or more on a busy machine.
  private static let mostSteps = 150

  /// Opens the file at `path`; never blocks on a FIFO or a device.
  init(path: String) throws(FileError) {
    guard !path.utf8.contains(0) else { throw .notFound(path: path) }
    let opened = systemOpen(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard opened >= 0 else { throw .last(path, "open") }
    do {
      stamp = try Self.stamp(of: opened, path)
    } catch {
      close(opened)
      throw error
    }
    (descriptor, self.path, isOwned) = (opened, path, true)
    try settle()
  }

  /// The file open as `descriptor`, which the caller closes; `path` names it in errors.
  init(descriptor: Int32, path: String) throws(FileError) {
    stamp = try Self.stamp(of: descriptor, path)
    (self.descriptor, self.path, isOwned) = (descriptor, path, false)
    try settle()
  }

  deinit {
    #if os(Linux)
      // Another descriptor of the same opening would keep the lease.
      if isLeased { _ = fcntl(descriptor, Self.setLease, Int32(F_UNLCK)) }
    #endif
    if isOwned { close(descriptor) }
  }

  private static func stamp(of descriptor: Int32, _ path: String) throws(FileError) -> FileStamp {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .last(path, "fstat") }
    switch status.st_mode & S_IFMT {
    case S_IFREG: return FileStamp(status)
    case S_IFDIR: throw .isDirectory(path: path)
    default: throw .notRegular(path: path)
    }
  }

  /// Waits until whoever writes to the file, if anyone, has paused or ended.
  private func settle() throws(FileError) {
    guard !(Self.settledNanoseconds...).contains(stamp.age) else { return }
    isSettled = false
    for _ in 0..<Self.mostSteps {
      let isBeingWritten = takeLease()
      let age = abs(stamp.age)
      if isLeased {
        isSettled = age >= Self.stepNanoseconds
        return
      }
      // On a machine with more work than processors, a program that writes piece by piece may stand still for seconds.
      if age >= (isBeingWritten ? Self.settledNanoseconds : Self.quietNanoseconds) { return }
      var pause = timespec(tv_sec: 0, tv_nsec: Self.stepNanoseconds)
      nanosleep(&pause, nil)
      restamp()
    }
    throw .changedWhileRead(path: path)
  }

  /// Takes a lease, which the system grants the owner of a file that nobody has open for writing, and the stamp. True
  /// where the system refuses it because somebody has.
  private func takeLease() -> Bool {
    #if os(Linux)
      // Whoever opens the file for writing waits until the lease is given back, and the system tells the holder by a
      // signal, of which one is chosen that does nothing.
      guard fcntl(descriptor, Self.setSignal, SIGURG) == 0 else { return false }
      isLeased = fcntl(descriptor, Self.setLease, Int32(F_RDLCK)) == 0
      guard isLeased else { return errno == EAGAIN }
      restamp()
    #endif
    return false
  }

  private func restamp() {
    if let now = FileStamp(descriptor: descriptor) { stamp = now }
  }

  #if os(Linux)
    // F_SETSIG and F_SETLEASE of linux/fcntl.h, the same for every architecture.
    private static let setSignal: Int32 = 10
    private static let setLease: Int32 = 1024
  #endif

  /// - Throws: `FileError.changedWhileRead`.
  func requireUnchanged() throws(FileError) {
    guard let now = FileStamp(descriptor: descriptor), now.hasContents(of: stamp) else {
      throw .changedWhileRead(path: path)
    }
  }
}

private func systemOpen(_ path: String, _ flags: Int32) -> Int32 {
  FileName.withBytes(path) { open($0, flags) }
}
