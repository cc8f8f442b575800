#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Large files as memory: models and checkpoints.
///
/// A file is mapped where `MappingGuard` is installed, and read into memory (`FileContents`) otherwise, where it is
/// small, or where a write to it may be under way. A mapping shows what other programs write: whoever has read one
/// calls `Bytes.requireUnchanged` before using the result.
public enum MappedFile {
  /// Smaller files are read: that costs less than a mapping.
  private static let mappedByteCount = 1 << 16

  /// The whole of a regular file, mapped or read; never blocks on a FIFO or a device.
  ///
  /// - Throws: `FileError`; `notRegular` for anything but a regular file or a folder.
  public static func open(_ path: String) throws(FileError) -> Bytes {
    try bytes(of: OpenFile(path: path))
  }

  /// The whole of the regular file open as `descriptor`, which the caller closes; `path` names it in errors.
  package static func map(_ descriptor: Int32, path: String) throws(FileError) -> Bytes {
    try bytes(of: OpenFile(descriptor: descriptor, path: path))
  }

  private static func bytes(of file: OpenFile) throws(FileError) -> Bytes {
    let count = file.stamp.byteCount
    guard count >= mappedByteCount, file.isSettled, MappingGuard.isInstalled,
      let region = MappingGuard.reserve()
    else { return try FileContents.read(file) }
    let descriptor = fcntl(file.descriptor, F_DUPFD_CLOEXEC, 0)
    guard descriptor >= 0 else {
      MappingGuard.release(region)
      return try FileContents.read(file)
    }
    guard AddressSpace.allows(count) else {
      MappingGuard.release(region)
      close(descriptor)
      throw .outOfMemory(path: file.path, needed: count, available: AddressSpace.available())
    }
    guard let base = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0), base != MAP_FAILED else {
      let error = FileError.last(file.path, "mmap")
      MappingGuard.release(region)
      close(descriptor)
      throw error
    }
    MappingGuard.guardRegion(region, base, count)
    let witness = FileWitness(path: file.path, descriptor: descriptor, stamp: file.stamp, region: region)
    let address = UInt(bitPattern: base)
    return Bytes(
      ByteStorage(base: UnsafeRawPointer(base), count: count, witness: witness) {
        munmap(UnsafeMutableRawPointer(bitPattern: address), count)
      })
  }
}

extension Bytes {
  /// The witness of the mapped file that the bytes are of; nil for memory of the process.
  package var fileWitness: FileWitness? { storage.witness as? FileWitness }

  /// Throws where the bytes are those of a mapped file that another program has changed since it was opened.
  ///
  /// - Throws: `FileError.changedWhileRead`.
  public func requireUnchanged() throws(FileError) { try fileWitness?.requireUnchanged() }

  /// Drops the resident whole pages of a file mapping's window; the system reads them again on access.
  package func releasePages() {
    // The zeros that stand in for a changed file's pages may go as well.
    guard storage.isFileMapping else { return }
    let page = UInt(max(sysconf(Int32(_SC_PAGESIZE)), 1))
    let start = (UInt(bitPattern: unsafeBase) + page - 1) / page * page
    let end = (UInt(bitPattern: unsafeBase) + UInt(count)) / page * page
    guard start < end, let base = UnsafeMutableRawPointer(bitPattern: start) else { return }
    madvise(base, Int(end - start), MADV_DONTNEED)
  }
}
