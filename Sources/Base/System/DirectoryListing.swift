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
    guard let directory = opendir(path) else {
      let error = FileError.last(path, "opendir")
      throw kind(of: path) == .regular ? .isNotDirectory(path: path) : error
    }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { field in
        field.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: field.pointee)) {
          String(cString: $0)
        }
      }
      if includesHidden ? name != "." && name != ".." : !name.hasPrefix(".") { names.append(name) }
    }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// Kind of the file at `path`, symbolic links followed; nil where there is none.
  package static func kind(of path: String) -> Kind? {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    switch status.st_mode & S_IFMT {
    case S_IFDIR: return .directory
    case S_IFREG: return .regular
    default: return .other
    }
  }

  /// `folder/name`.
  package static func join(_ folder: String, _ name: String) -> String {
    folder.hasSuffix("/") ? folder + name : folder + "/" + name
  }
}
