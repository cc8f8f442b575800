import FixresBase

/// Labelled pictures in class folders, `DIR/<class>/.../<picture>`, as torchvision's `ImageFolder` lists them: its
/// classes, its pictures, its order.
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
  /// What is left out.
  public let leftOut: PictureListing.LeftOut

  /// Lists the folder without opening a picture; hidden folders are classes too, and links are followed.
  ///
  /// - Throws: `noClasses`, `emptyClass`, `tooManyFolders`, or `file` where the system refuses.
  public init(path: String, kinds: PictureKinds = .imageFolder) throws(ImageError) {
    var entries: [Entry] = []
    var leftOut = PictureListing.LeftOut()
    let found = try PictureListing.entries(of: path)
    leftOut.besideClasses = found.files.count(where: kinds.contains)
    for name in found.files where !kinds.contains(name) { leftOut.add(name, in: path) }
    let root = FileIdentity(path: path)
    for (index, name) in found.folders.enumerated() {
      let folder = DirectoryListing.join(path, name)
      let listing = try PictureListing(of: folder, kinds: kinds, below: root.map { [$0] } ?? [])
      guard !listing.paths.isEmpty else { throw .emptyClass(path: folder) }
      entries += listing.paths.map { Entry(path: $0, classIndex: index) }
      leftOut.add(listing.leftOut)
    }
    guard !found.folders.isEmpty else { throw .noClasses(path: path) }
    self.path = path
    classes = found.folders
    self.entries = entries
    self.leftOut = leftOut
  }

  /// The pictures that the file at `path` lists, the name of a class folder and a path of each, both ended by a zero byte:
  /// in the order in which such folders are listed.
  ///
  /// - Throws: `noClasses` where the list is empty or its last text has no end, `file` where the system refuses.
  package init(list path: String) throws(ImageError) {
    let bytes: Bytes
    do { bytes = try FileContents.read(path) } catch { throw .file(error) }
    // Names are bytes: texts that are canonically equivalent are two.
    let names = bytes.array.split(separator: 0, omittingEmptySubsequences: false)
    guard names.count > 2, names.count % 2 == 1, names[names.count - 1].isEmpty else {
      throw .noClasses(path: path)
    }
    var listed: [ArraySlice<UInt8>: [ArraySlice<UInt8>]] = [:]
    for index in stride(from: 0, to: names.count - 1, by: 2) {
      listed[names[index], default: []].append(names[index + 1])
    }
    let folders = listed.keys.sorted { $0.lexicographicallyPrecedes($1) }
    var entries: [Entry] = []
    for (index, name) in folders.enumerated() {
      let pictures = (listed[name] ?? []).map { (folder: Self.folder(of: $0), path: $0) }.sorted { a, b in
        a.folder == b.folder
          ? a.path.lexicographicallyPrecedes(b.path) : a.folder.lexicographicallyPrecedes(b.folder)
      }
      entries += pictures.map { Entry(path: FileName.text(of: Array($0.path)), classIndex: index) }
    }
    let classes = folders.map { FileName.text(of: Array($0)) }
    (self.path, self.classes, self.entries) = (path, classes, entries)
    leftOut = PictureListing.LeftOut()
  }

  /// What comes before the last slash of `path`.
  private static func folder(of path: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    path[..<(path.lastIndex(of: UInt8(ascii: "/")) ?? path.startIndex)]
  }

  /// Paths of the pictures that lie in `folder` itself, in byte-wise order of their names.
  ///
  /// - Throws: `file` where the system refuses to list the folder.
  public static func pictures(
    in folder: String, kinds: PictureKinds = .imageFolder
  ) throws(ImageError) -> [String] {
    try PictureListing.entries(of: folder).files.filter(kinds.contains).map {
      DirectoryListing.join(folder, $0)
    }
  }
}
