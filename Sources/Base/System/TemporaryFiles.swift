import Synchronization

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Registry of the temporary files that exist, from which a signal handler removes them.
package enum TemporaryFiles {
  /// Files that can be registered at one time.
  private static let slotCount = 64
  /// `[slotCount]`: address of a C string or 0. Atomic words, since a signal handler may not lock or allocate.
  private nonisolated(unsafe) static let slots: UnsafeMutablePointer<Atomic<UInt>> = {
    let slots = UnsafeMutablePointer<Atomic<UInt>>.allocate(capacity: slotCount)
    for index in 0..<slotCount { (slots + index).initialize(to: Atomic(0)) }
    return slots
  }()

  /// Registers `path` and returns its slot; nil where all slots are taken (then only the writer removes the file).
  static func add(_ path: String) -> Int? {
    guard let copy = FileName.withBytes(path, { strdup($0) }) else { return nil }
    for index in 0..<slotCount {
      let (taken, _) = slots[index].compareExchange(
        expected: 0, desired: UInt(bitPattern: copy), ordering: .acquiringAndReleasing)
      if taken { return index }
    }
    free(copy)
    return nil
  }

  /// Clears `slot`.
  static func remove(_ slot: Int?) {
    guard let slot else { return }
    // The string leaks on purpose: a handler on another thread may be reading it.
    slots[slot].store(0, ordering: .releasing)
  }

  /// Unlinks every registered file; async-signal-safe once `removeOnSignals` has run.
  static func unlinkAll() {
    for index in 0..<slotCount {
      let address = slots[index].exchange(0, ordering: .acquiringAndReleasing)
      if let path = UnsafePointer<CChar>(bitPattern: address) { unlink(path) }
    }
  }

  /// Makes SIGINT, SIGTERM and SIGHUP remove the temporary files, then end the process by their default action.
  package static func removeOnSignals() {
    _ = slots[0].load(ordering: .relaxed)
    for number in [SIGINT, SIGTERM, SIGHUP] {
      // A signal that the caller had ignored (nohup) stays ignored.
      let previous = signal(number) { received in
        TemporaryFiles.unlinkAll()
        signal(received, SIG_DFL)
        raise(received)
      }
      if TemporaryFiles.isIgnore(previous) { signal(number, SIG_IGN) }
    }
  }

  private static func isIgnore(_ handler: (@convention(c) (Int32) -> Void)?) -> Bool {
    unsafeBitCast(handler, to: UInt.self) == unsafeBitCast(SIG_IGN, to: UInt.self)
  }
}
