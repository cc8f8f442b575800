import FixresBase

/// Labelled pictures in class folders, `DIR/<class>/<picture>`, both in byte-wise order of their names.
public struct ImageFolder: Sendable {
  /// A picture and its class.
  public struct Entry: Hashable, Sendable {
    /// Path of the picture, which begins with the folder's.
    public let path: String
    /// Index into `classes`.
    public let classIndex: Int

    package init(path: String, classIndex: Int) {
      self.path = path
      self.classIndex = classIndex
    }
  }

  /// Path of the folder.
  public let path: String
  /// Names of the class folders.
  public let classes: [String]
  /// The pictures, class by class.
  public let entries: [Entry]

  /// Lists the folder without opening a picture; hidden files and files of other suffixes are left out.
  ///
  /// - Throws: `noClasses`, `emptyClass`, or `file` where the system refuses.
  public init(path: String) throws(ImageError) {
    var classes: [String] = []
    var entries: [Entry] = []
    for name in try Self.names(in: path) {
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
  ///
  /// - Throws: `file` where the system refuses to list the folder.
  public static func pictures(in folder: String) throws(ImageError) -> [String] {
    try names(in: folder).filter(hasPictureSuffix)
      .map { DirectoryListing.join(folder, $0) }
      .filter { DirectoryListing.kind(of: $0) == .regular }
  }

  private static func names(in folder: String) throws(ImageError) -> [String] {
    do throws(FileError) {
      return try DirectoryListing.names(in: folder)
    } catch {
      throw .file(error)
    }
  }

  private static let suffixes = [".jpg", ".jpeg", ".png", ".ppm", ".pgm"]

  private static func hasPictureSuffix(_ name: String) -> Bool {
    let lowered = name.lowercased()
    return suffixes.contains { lowered.hasSuffix($0) }
  }
}
