import FixresBase

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Pictures in class folders: `DIR/<class>/<picture>`, both in byte-wise order of their names.
public struct ImageFolder: Sendable {
  public struct Entry: Hashable, Sendable {
    public let path: String
    /// Index into `classes`.
    public let classIndex: Int

    package init(path: String, classIndex: Int) {
      self.path = path
      self.classIndex = classIndex
    }
  }

  public let path: String
  /// Names of the class folders.
  public let classes: [String]
  /// The pictures, class by class.
  public let entries: [Entry]

  /// Lists the folder; hidden files and files of other suffixes are left out, nothing is opened.
  ///
  /// - Throws: `noClasses`, `emptyClass`, or `file` where the system refuses.
  public init(path: String) throws(ImageError) {
    var classes: [String] = []
    var entries: [Entry] = []
    for name in try DirectoryListing.names(in: path) {
      let folder = DirectoryListing.join(path, name)
      guard DirectoryListing.kind(of: folder) == .directory else { continue }
      let pictures = try Self.pictures(in: folder)
      guard !pictures.isEmpty else { throw .emptyClass(path: folder) }
      entries += pictures.map { Entry(path: $0, classIndex: classes.count) }
      classes.append(name)
    }
    guard !classes.isEmpty else { throw .noClasses(path: path) }
    self.path = path
    self.classes = classes
    self.entries = entries
  }

  /// Paths of the pictures that lie in `folder` itself, in byte-wise order of their names.
  public static func pictures(in folder: String) throws(ImageError) -> [String] {
    try DirectoryListing.names(in: folder).filter(hasPictureSuffix)
      .map { DirectoryListing.join(folder, $0) }
      .filter { DirectoryListing.kind(of: $0) == .regular }
  }

  private static let suffixes = [".jpg", ".jpeg", ".png", ".ppm", ".pgm"]

  private static func hasPictureSuffix(_ name: String) -> Bool {
    let lowered = name.lowercased()
    return suffixes.contains { lowered.hasSuffix($0) }
  }
}

/// What lies in a folder.
enum DirectoryListing {
  enum Kind {
    case directory, regular, other
  }

  /// Names without the hidden ones, in byte-wise order.
  static func names(in path: String) throws(ImageError) -> [String] {
    guard !path.utf8.contains(0) else { throw .file(.notFound(path: path)) }
    guard let directory = opendir(path) else {
      let error = FileError.last(path, "opendir")
      throw .file(kind(of: path) == .regular ? .isNotDirectory(path: path) : error)
    }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { field in
        field.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: field.pointee)) {
          String(cString: $0)
        }
      }
      if !name.hasPrefix(".") { names.append(name) }
    }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// The kind of what a path leads to, symbolic links followed; nil where it leads nowhere.
  static func kind(of path: String) -> Kind? {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    switch status.st_mode & S_IFMT {
    case S_IFDIR: return .directory
    case S_IFREG: return .regular
    default: return .other
    }
  }

  static func join(_ folder: String, _ name: String) -> String {
    folder.hasSuffix("/") ? folder + name : folder + "/" + name
  }
}
