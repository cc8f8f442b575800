import Synchronization

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// A file in the making, beside the one that it will replace.
///
/// Its maker holds a lock on it, which the system gives back when the process ends, however that happens. Whoever writes
/// to the folder next therefore knows which files belong to nobody, across processes that cannot see each other, and
/// removes those.
package final class TemporaryFile {
  package let path: String
  package let descriptor: Int32
  private let slot: Int?
  /// Whether the name is no longer this file's.
  private var isGone = false

  static let prefix = ".fixresc-"
  static let suffix = ".part"
  private static let serial = Atomic<UInt64>(0)
  /// When folders that took long to list were cleaned last.
  private static let cleaned = Mutex<[FileIdentity: UInt64]>([:])
  private static let longNanoseconds: UInt64 = 5_000_000
  /// Such a folder is not cleaned again before this has passed.
  private static let pauseNanoseconds: UInt64 = 60_000_000_000
  /// Seconds for which a file without a lock stays where the folder cannot be locked (NFS).
  private static let unlockedAge = 60

  /// Makes an empty file in `folder` with `permissions`, less what the process takes from new files.
  package init(in folder: String, permissions: mode_t = 0o666) throws(FileError) {
    Self.clean(folder)
    for _ in 0..<1000 {
      let name = DirectoryListing.join(folder, Self.prefix + Self.unique() + Self.suffix)
      // Registered before it exists, so that a signal between the two calls removes it as well.
      let slot = TemporaryFiles.add(name)
      // Until the file has a lock of its own the folder has one: nobody takes the file for one left over.
      let making = FolderLock(folder, LOCK_SH, attempts: 20)
      defer { withExtendedLifetime(making) {} }
      let descriptor = FileName.withBytes(name) {
        open($0, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, permissions)
      }
      if descriptor >= 0 {
        if Self.lock(descriptor, name) {
          (path, self.descriptor, self.slot) = (name, descriptor, slot)
          return
        }
        close(descriptor)
        TemporaryFiles.remove(slot)
        continue
      }
      let code = errno
      TemporaryFiles.remove(slot)
      errno = code
      // With O_CREAT, ENOENT means that the folder is missing.
      if code == ENOENT { throw .notFound(path: folder) }
      guard code == EEXIST else { throw .last(folder, "create") }
    }
    throw .last(folder, "create")
  }

  deinit {
    // The name goes before the lock, so that nobody takes the file for one that is left over.
    if !isGone { _ = FileName.withBytes(path) { unlink($0) } }
    close(descriptor)
    TemporaryFiles.remove(slot)
  }

  /// Gives the file the name `target`, whose file it replaces.
  func rename(to target: String) throws(FileError) {
    guard systemRename(path, target) == 0 else { throw .last(target, "rename") }
    isGone = true
  }

  /// Removes the name: the system removes the file with its last use.
  package func removeName() {
    _ = FileName.withBytes(path) { unlink($0) }
    isGone = true
  }

  // MARK: - Names and locks

  /// Sixteen digits that no other process is likely to choose; two that do are told apart by O_EXCL.
  private static func unique() -> String {
    let number = serial.wrappingAdd(1, ordering: .relaxed).newValue
    var random = SeededRandom(
      seed: MonotonicClock.nanoseconds() ^ UInt64(UInt32(bitPattern: getpid())) << 40 ^ number << 20)
    let digits = String(random.next(), radix: 16)
    return String(repeating: "0", count: 16 - digits.utf8.count) + digits
  }

  /// Locks the new file `path`; false where another process took it for one left over before that.
  private static func lock(_ descriptor: Int32, _ path: String) -> Bool {
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      // Where the file system has no locks nobody can take the file.
      return errno != EWOULDBLOCK
    }
    return isFile(descriptor, at: path)
  }

  /// Whether `path` names the open file `descriptor`.
  private static func isFile(_ descriptor: Int32, at path: String) -> Bool {
    var (own, named) = (stat(), stat())
    guard fstat(descriptor, &own) == 0,
      FileName.withBytes(path, { lstat($0, &named) }) == 0
    else { return false }
    return own.st_dev == named.st_dev && own.st_ino == named.st_ino
  }

  /// Removes the files in `folder` whose makers are gone.
  private static func clean(_ folder: String) {
    let start = MonotonicClock.nanoseconds()
    guard let identity = FileIdentity(path: folder),
      cleaned.withLock({ $0[identity].map { start - $0 > pauseNanoseconds } ?? true }),
      let names = try? DirectoryListing.names(in: folder, includesHidden: true)
    else { return }
    let found = names.filter { $0.hasPrefix(prefix) && $0.hasSuffix(suffix) }
    if !found.isEmpty {
      let lock = FolderLock(folder, LOCK_EX, attempts: 3)
      guard lock.state != .heldByOthers else { return }
      defer { withExtendedLifetime(lock) {} }
      for name in found {
        removeIfLeftOver(
          DirectoryListing.join(folder, name), minimumAge: lock.state == .held ? 0 : unlockedAge)
      }
    }
    let isLong = MonotonicClock.nanoseconds() - start > longNanoseconds
    cleaned.withLock { $0[identity] = isLong ? start : nil }
  }

  /// Removes the file `path` if nobody holds it and nobody wrote to it in the last `minimumAge` seconds.
  private static func removeIfLeftOver(_ path: String, minimumAge: Int) {
    var named = stat()
    // Opening a device may already do something.
    guard FileName.withBytes(path, { lstat($0, &named) }) == 0, named.st_mode & S_IFMT == S_IFREG
    else { return }
    let descriptor = FileName.withBytes(path) { open($0, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC) }
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
      minimumAge == 0 || FileStamp(status).modified.seconds <= Int(time(nil)) - minimumAge,
      flock(descriptor, LOCK_EX | LOCK_NB) == 0, isFile(descriptor, at: path)
    else { return }
    _ = FileName.withBytes(path) { unlink($0) }
  }
}

/// A lock on a folder: shared by those who make a file in it that has no lock yet, exclusive for who removes files.
private final class FolderLock {
  enum State { case held, heldByOthers, impossible }
  private(set) var state = State.impossible
  private let descriptor: Int32

  /// Asks for the lock `attempts` times, a millisecond apart; a file system may have none.
  init(_ folder: String, _ operation: Int32, attempts: Int) {
    descriptor = FileName.withBytes(folder) { open($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    guard descriptor >= 0 else { return }
    for attempt in 0..<attempts {
      if attempt > 0 { usleep(1000) }
      let isHeld = flock(descriptor, operation | LOCK_NB) == 0
      state = isHeld ? .held : errno == EWOULDBLOCK ? .heldByOthers : .impossible
      guard state == .heldByOthers else { return }
    }
  }

  deinit {
    guard descriptor >= 0 else { return }
    // Closing alone would leave the lock to a child that was forked meanwhile.
    flock(descriptor, LOCK_UN)
    close(descriptor)
  }
}

/// libc's `rename`, which the method hides.
private func systemRename(_ old: String, _ new: String) -> Int32 {
  FileName.withBytes(old) { old in FileName.withBytes(new) { rename(old, $0) } }
}
