import Synchronization

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Writes a temporary file beside the target and renames it over the target in `commit`; until then an existing
/// file is untouched.
///
/// The temporary file is removed when a writer is destroyed without `commit`; after
/// `TemporaryFiles.removeOnSignals`, on SIGINT, SIGTERM and SIGHUP; and, where its process was killed, by the next
/// writer of its folder.
package struct AtomicFileWriter: ~Copyable {
  /// Path of the target, symbolic links resolved.
  package let path: String
  /// Bytes written so far.
  package private(set) var byteCount = 0
  /// nil where `path` is a character device such as /dev/null, which is written directly.
  private let temporary: TemporaryFile?
  private let descriptor: Int32
  private var pending: [UInt8] = []

  /// Smaller writes are buffered, larger ones are passed to the system directly.
  private static let gatherLimit = 1 << 16
  /// Largest write in one call; systems refuse or shorten writes of 2 GB and more.
  private static let callLimit = 1 << 30
  private static let checksInputs = Atomic<Bool>(false)

  /// Makes `commit` refuse to replace a file once any file that the process maps has changed: for a program that does
  /// one thing and ends.
  package static func requireUnchangedInputs() { checksInputs.store(true, ordering: .relaxed) }

  /// Opens a temporary file in the folder of `path`, with the permissions that a new file would get.
  package init(path given: String) throws(FileError) {
    guard !given.isEmpty, !given.utf8.contains(0) else { throw .notFound(path: given) }
    var status = stat()
    let exists = FileName.withBytes(given) { stat($0, &status) } == 0
    if !exists, let target = FileIdentity.link(given) { throw .danglingLink(path: given, target: target) }
    let kind = exists ? status.st_mode & S_IFMT : S_IFREG
    let isDevice = kind == S_IFCHR
    guard kind != S_IFDIR, given.utf8.last != UInt8(ascii: "/") else { throw .isDirectory(path: given) }
    guard isDevice || kind == S_IFREG else { throw .notRegular(path: given) }
    if exists, FileName.withBytes(given, { access($0, W_OK) }) != 0 { throw .last(given, "access") }
    let opened = try AtomicFileWriter.open(given, isDevice, mode: exists ? status.st_mode & 0o777 : nil)
    (path, temporary, descriptor) = opened
  }

  deinit { if temporary == nil { close(descriptor) } }

  /// Appends `bytes`.
  package mutating func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
    guard bytes.count >= AtomicFileWriter.gatherLimit else {
      pending.append(contentsOf: bytes)
      byteCount += bytes.count
      if pending.count >= AtomicFileWriter.gatherLimit { try flush() }
      return
    }
    try flush()
    try writeAll(bytes)
    byteCount += bytes.count
  }

  /// Appends `bytes`.
  package mutating func write(_ bytes: [UInt8]) throws(FileError) {
    try bytes.withUnsafeBufferPointer { (part) throws(FileError) in try write(UnsafeRawBufferPointer(part)) }
  }

  /// Appends `bytes`.
  package mutating func write(_ bytes: Bytes) throws(FileError) {
    do throws(FileError) {
      try bytes.withUnsafeBytes { (raw) throws(FileError) in try write(raw) }
    } catch {
      // The system cannot read what a mapped file no longer has.
      try bytes.requireUnchanged()
      throw error
    }
  }

  /// Appends zeros until `byteCount` is a multiple of `alignment`.
  package mutating func pad(to alignment: Int) throws(FileError) {
    try write([UInt8](repeating: 0, count: (alignment - byteCount % alignment) % alignment))
  }

  /// Replaces bytes already written at `offset`; for a header whose checksums are known last.
  package mutating func overwrite(_ bytes: [UInt8], at offset: Int) throws(FileError) {
    precondition(
      offset >= 0 && offset <= byteCount && bytes.count <= byteCount - offset,
      "only bytes already written can be overwritten")
    try flush()
    var done = 0
    while done < bytes.count {
      let written = bytes.withUnsafeBytes { raw in
        pwrite(descriptor, raw.baseAddress! + done, raw.count - done, off_t(offset + done))
      }
      if written < 0, errno == EINTR { continue }
      guard written > 0 else { throw .last(path, "pwrite") }
      done += written
    }
  }

  /// Flushes the file to the disk and renames it over the target; not once the caller has asked for an end.
  package consuming func commit() throws(FileError) {
    try flush()
    guard let temporary else { return }
    if Cancellation.current?.isRequested == true { throw .cancelled(path: path) }
    while fsync(descriptor) != 0 {
      guard errno == EINTR else { throw .last(path, "fsync") }
    }
    if AtomicFileWriter.checksInputs.load(ordering: .relaxed) { try FileWitness.requireAllUnchanged() }
    try temporary.rename(to: path)
    AtomicFileWriter.syncFolder(of: path)
  }

  /// Writes the whole of a small file atomically.
  package static func write(_ bytes: [UInt8], to path: String) throws(FileError) {
    var writer = try AtomicFileWriter(path: path)
    try writer.write(bytes)
    try writer.commit()
  }

  // MARK: - System calls

  private mutating func flush() throws(FileError) {
    guard !pending.isEmpty else { return }
    try pending.withUnsafeBufferPointer { (part) throws(FileError) in
      try writeAll(UnsafeRawBufferPointer(part))
    }
    pending.removeAll(keepingCapacity: true)
  }

  private func writeAll(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
    guard let base = bytes.baseAddress else { return }
    var done = 0
    while done < bytes.count {
      let written = systemWrite(descriptor, base + done, min(bytes.count - done, AtomicFileWriter.callLimit))
      if written < 0, errno == EINTR { continue }
      guard written > 0 else { throw .last(path, "write") }
      done += written
    }
  }

  private static func open(
    _ given: String, _ isDevice: Bool, mode: mode_t?
  ) throws(FileError) -> (path: String, temporary: TemporaryFile?, descriptor: Int32) {
    if isDevice {
      let descriptor = systemOpen(given, O_WRONLY | O_CLOEXEC)
      guard descriptor >= 0 else { throw .last(given, "open") }
      return (given, nil, descriptor)
    }
    let path = target(given)
    let file = try TemporaryFile(in: folder(of: path))
    if let mode { fchmod(file.descriptor, mode) }
    return (path, file, file.descriptor)
  }

  /// The file that a plain write to `path` would change: symbolic links of an existing file are resolved.
  private static func target(_ path: String) -> String {
    guard let real = FileName.withBytes(path, { realpath($0, nil) }) else { return path }
    defer { free(real) }
    return FileName.text(of: real)
  }

  private static func folder(of path: String) -> String {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// Makes the rename durable; errors are ignored, as some file systems cannot sync a folder.
  private static func syncFolder(of path: String) {
    let descriptor = systemOpen(folder(of: path), O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    fsync(descriptor)
    close(descriptor)
  }
}

/// libc's `write`, which a method named `write` would hide.
private func systemWrite(_ descriptor: Int32, _ base: UnsafeRawPointer, _ count: Int) -> Int {
  write(descriptor, base, count)
}

/// libc's `open`, which the static method hides.
private func systemOpen(_ path: String, _ flags: Int32) -> Int32 {
  FileName.withBytes(path) { open($0, flags) }
}
