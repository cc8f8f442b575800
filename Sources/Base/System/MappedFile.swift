#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Why a file could not be opened, read or written.
public enum FileError: Error, Hashable, Sendable {
  /// Nothing exists at `path`, or a part of the path is not a folder.
  case notFound(path: String)
  /// `path` is a symbolic link to `target`, where nothing exists.
  case danglingLink(path: String, target: String)
  /// A folder where a file is expected.
  case isDirectory(path: String)
  /// A file where a folder is expected.
  case isNotDirectory(path: String)
  /// A FIFO, a socket or a device: reading one may block or never end.
  case notRegular(path: String)
  /// The process may not open, read or write the file.
  case permissionDenied(path: String)
  /// Any other failed system call, with its `errno`.
  case system(path: String, call: String, errno: Int32)

  /// The error of the system call named `call` that has just set `errno`.
  package static func last(_ path: String, _ call: String) -> FileError {
    let code = errno
    switch code {
    case ENOENT, ENOTDIR:
      if let target = FileIdentity.link(path) { return .danglingLink(path: path, target: target) }
      return .notFound(path: path)
    case EISDIR: return .isDirectory(path: path)
    case EACCES, EPERM: return .permissionDenied(path: path)
    default: return .system(path: path, call: call, errno: code)
    }
  }
}

/// Files as memory.
public enum MappedFile {
  /// The whole of a regular file, mapped read-only and private; never blocks on a FIFO or a device.
  ///
  /// - Throws: `FileError`; `notRegular` for anything but a regular file or a folder.
  public static func open(_ path: String) throws(FileError) -> Bytes {
    guard !path.utf8.contains(0) else { throw .notFound(path: path) }
    let descriptor = openDescriptor(path)
    guard descriptor >= 0 else { throw .last(path, "open") }
    defer { close(descriptor) }
    return try map(descriptor, path: path)
  }

  /// The whole of the regular file open as `descriptor`, which the caller closes; `path` names it in errors.
  package static func map(_ descriptor: Int32, path: String) throws(FileError) -> Bytes {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .last(path, "fstat") }
    switch status.st_mode & S_IFMT {
    case S_IFREG: break
    case S_IFDIR: throw .isDirectory(path: path)
    default: throw .notRegular(path: path)
    }
    let count = Int(status.st_size)
    guard count > 0 else { return .empty }
    guard let base = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0), base != MAP_FAILED else {
      throw .last(path, "mmap")
    }
    let address = UInt(bitPattern: base)
    return Bytes(
      ByteStorage(base: UnsafeRawPointer(base), count: count, isFileMapping: true) {
        munmap(UnsafeMutableRawPointer(bitPattern: address), count)
      })
  }

  private static func openDescriptor(_ path: String) -> Int32 {
    #if canImport(Darwin)
      FileName.withBytes(path) { Darwin.open($0, O_RDONLY | O_NONBLOCK | O_CLOEXEC) }
    #elseif canImport(Musl)
      FileName.withBytes(path) { Musl.open($0, O_RDONLY | O_NONBLOCK | O_CLOEXEC) }
    #else
      FileName.withBytes(path) { Glibc.open($0, O_RDONLY | O_NONBLOCK | O_CLOEXEC) }
    #endif
  }
}

extension Bytes {
  /// Drops the resident whole pages of a file mapping's window; the system reads them again on access.
  package func releasePages() {
    guard storage.isFileMapping else { return }
    let page = UInt(max(sysconf(Int32(_SC_PAGESIZE)), 1))
    let start = (UInt(bitPattern: unsafeBase) + page - 1) / page * page
    let end = (UInt(bitPattern: unsafeBase) + UInt(count)) / page * page
    guard start < end, let base = UnsafeMutableRawPointer(bitPattern: start) else { return }
    madvise(base, Int(end - start), MADV_DONTNEED)
  }
}
