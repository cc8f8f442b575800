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
  /// Another program changed the file while it was in use: what was read of it may mix old bytes with new ones.
  case changedWhileRead(path: String)
  /// The file has more bytes than are read into memory.
  case tooLarge(path: String, byteCount: Int, limit: Int)
  /// Reading the file takes `needed` bytes of memory where the limits of the process leave `available`.
  case outOfMemory(path: String, needed: Int, available: Int)
  /// The caller asked for an end before the file was written.
  case cancelled(path: String)
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
