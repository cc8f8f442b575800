#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// What of a file's status shows that its contents may have changed.
package struct FileStamp: Hashable, Sendable {
  /// Seconds and nanoseconds since 1970.
  package struct Time: Hashable, Sendable {
    package var seconds: Int
    package var nanoseconds: Int

    fileprivate init(_ time: timespec) { (seconds, nanoseconds) = (Int(time.tv_sec), Int(time.tv_nsec)) }

    /// Nanoseconds from `self` to `later`, at most an hour either way.
    fileprivate func nanoseconds(to later: Time) -> Int {
      let seconds = max(-3600, min(3600, later.seconds.subtractingSaturated(self.seconds)))
      return seconds * 1_000_000_000 + (later.nanoseconds - nanoseconds)
    }
  }

  package var device: UInt64
  package var inode: UInt64
  package var byteCount: Int
  package var linkCount: UInt64
  /// When the contents were last written.
  package var modified: Time
  /// When the contents or the status last changed; no program can set it back.
  package var changed: Time

  package init(_ status: stat) {
    device = UInt64(truncatingIfNeeded: status.st_dev)
    inode = UInt64(truncatingIfNeeded: status.st_ino)
    byteCount = Int(status.st_size)
    linkCount = UInt64(truncatingIfNeeded: status.st_nlink)
    #if canImport(Darwin)
      (modified, changed) = (Time(status.st_mtimespec), Time(status.st_ctimespec))
    #else
      (modified, changed) = (Time(status.st_mtim), Time(status.st_ctim))
    #endif
  }

  /// The stamp of the open file `descriptor`; nil where the system does not tell.
  package init?(descriptor: Int32) {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { return nil }
    self.init(status)
  }

  /// Whether the contents are those of `earlier`. A name that is added or removed, as by renaming another file over
  /// this one, changes the status alone.
  package func hasContents(of earlier: FileStamp) -> Bool {
    var named = self
    if linkCount != earlier.linkCount, modified == earlier.modified {
      (named.linkCount, named.changed) = (earlier.linkCount, earlier.changed)
    }
    return named == earlier
  }

  /// Nanoseconds since the last change; negative where that lies in the future.
  package var age: Int {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    return changed.nanoseconds(to: Time(now))
  }
}

extension Int {
  fileprivate func subtractingSaturated(_ other: Int) -> Int {
    let (difference, overflow) = subtractingReportingOverflow(other)
    return overflow ? (self < 0 ? .min : .max) : difference
  }
}
