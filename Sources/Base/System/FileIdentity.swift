#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Which file a path names, symbolic links followed: paths of equal identity name one file.
package enum FileIdentity: Hashable, Sendable {
  /// A file or folder that exists.
  case existing(device: UInt64, inode: UInt64)
  /// A file that a write would create: its folder, and its name there.
  case missing(device: UInt64, inode: UInt64, name: String)

  /// Symbolic links that are followed at most; systems give up after 40 as well.
  private static let linkLimit = 40

  /// The identity of `path`; nil for a device, a pipe or a socket, and where the path's folder does not exist.
  package init?(path: String) {
    guard !path.isEmpty, !path.utf8.contains(0) else { return nil }
    var status = stat()
    if FileName.withBytes(path, { stat($0, &status) }) == 0 {
      let kind = status.st_mode & S_IFMT
      guard kind == S_IFREG || kind == S_IFDIR else { return nil }
      self = .existing(
        device: UInt64(truncatingIfNeeded: status.st_dev), inode: UInt64(truncatingIfNeeded: status.st_ino))
      return
    }
    var path = path
    for _ in 0..<Self.linkLimit {
      guard let target = Self.link(path) else { break }
      path = target.utf8.first == UInt8(ascii: "/") ? target : Self.folder(of: path) + target
    }
    let name = String(
      path[(path.utf8.lastIndex(of: UInt8(ascii: "/")).map(path.index(after:)) ?? path.startIndex)...])
    guard FileName.withBytes(Self.folder(of: path) + ".", { stat($0, &status) }) == 0 else { return nil }
    self = .missing(
      device: UInt64(truncatingIfNeeded: status.st_dev), inode: UInt64(truncatingIfNeeded: status.st_ino),
      name: name)
  }

  /// Whether the file exists.
  package var exists: Bool { if case .existing = self { true } else { false } }

  /// What the symbolic link `path` points to; nil for anything else.
  static func link(_ path: String) -> String? {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(PATH_MAX) + 1) { buffer in
      guard let base = buffer.baseAddress else { return nil }
      let count = FileName.withBytes(path) { readlink($0, base, Int(PATH_MAX)) }
      guard count > 0 else { return nil }
      return FileName.text(of: buffer[..<count].map { UInt8(bitPattern: $0) })
    }
  }

  /// The folder of `path` with its slash; empty for a plain name.
  private static func folder(of path: String) -> String {
    path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(path[...$0]) } ?? ""
  }
}
