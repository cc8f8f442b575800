#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Names and kinds of the entries of a folder.
package enum DirectoryListing {
  /// Kinds of entries.
  package enum Kind {
    case directory, regular, other
  }

  /// Names of the entries in byte-wise order; hidden ones (those that begin with a dot) only where `includesHidden`.
  package static func names(
    in path: String, includesHidden: Bool = false
  ) throws(FileError) -> [String] {
    guard !path.utf8.contains(0) else { throw .notFound(path: path) }
    guard let directory = FileName.withBytes(path, { opendir($0) }) else {
      let error = FileError.last(path, "opendir")
      throw kind(of: path) == .regular ? .isNotDirectory(path: path) : error
    }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { field in
        field.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: field.pointee)) {
          FileName.text(of: $0)
        }
      }
      if includesHidden ? name != "." && name != ".." : name.utf8.first != UInt8(ascii: ".") {
        names.append(name)
      }
    }
    return names.sorted(by: FileName.precedes)
  }

  /// Kind of the file at `path`, symbolic links followed; nil where there is none.
  package static func kind(of path: String) -> Kind? {
    var status = stat()
    guard FileName.withBytes(path, { stat($0, &status) }) == 0 else { return nil }
    switch status.st_mode & S_IFMT {
    case S_IFDIR: return .directory
    case S_IFREG: return .regular
    default: return .other
    }
  }

  /// Whether `path` is a symbolic link to nothing.
  package static func isDanglingLink(_ path: String) -> Bool {
    kind(of: path) == nil && FileIdentity.link(path) != nil
  }

  /// `folder/name`.
  package static func join(_ folder: String, _ name: String) -> String {
    folder.utf8.last == UInt8(ascii: "/") ? folder + name : folder + "/" + name
  }
}
