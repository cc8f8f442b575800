import FixresBase

/// Which files of a folder are pictures, by the endings of their names.
public enum PictureKinds: Hashable, Sendable {
  /// Those of torchvision's `ImageFolder` (`IMG_EXTENSIONS`).
  case imageFolder
  /// Those, and every other picture format whose ending is known, such as `.gif`.
  case all

  private static let imageFolderEndings = [
    ".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp",
  ]
  private static let otherEndings = [
    ".gif", ".jpe", ".jfif", ".pbm", ".pnm", ".apng", ".avif", ".heic", ".heif", ".jp2", ".j2k", ".jxl",
    ".ico",
    ".tga", ".psd", ".dib", ".svg",
  ]

  /// True where a file called `name` is one of these kinds, whatever the case of its letters.
  func contains(_ name: String) -> Bool {
    // By bytes: characters of a string join marks, such as a prefix before the dot, with their neighbours.
    let lowered = name.utf8.suffix(8).map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
    let endings = self == .all ? Self.imageFolderEndings + Self.otherEndings : Self.imageFolderEndings
    return endings.contains { lowered.reversed().starts(with: $0.utf8.reversed()) }
  }
}

/// The pictures in a folder and in all folders below it, in the order of torchvision's `ImageFolder`
/// (`os.walk(..., followlinks=True)`): folders in byte-wise order of their paths, then names; hidden ones too.
public struct PictureListing: Sendable {
  /// What a listing leaves out.
  public struct LeftOut: Hashable, Sendable {
    /// Number of files that are pictures of other kinds, by the ending of their names.
    public internal(set) var otherPictures: [String: Int] = [:]
    /// Number of files that are no pictures, by the ending of their names.
    public internal(set) var otherFiles: [String: Int] = [:]
    /// Pictures that lie beside the class folders.
    public internal(set) var besideClasses = 0
    /// Links that lead back to a folder above them.
    public internal(set) var loops = 0
    /// Symbolic links to nothing whose names do not end as a picture's: they may have been folders.
    public internal(set) var danglingLinks = 0
    /// Path of the first of them.
    public internal(set) var firstDanglingLink: String?

    /// Nothing.
    public init() {}

    /// Whether nothing is left out.
    public var isEmpty: Bool { self == LeftOut() }

    mutating func add(_ other: LeftOut) {
      otherPictures.merge(other.otherPictures, uniquingKeysWith: +)
      otherFiles.merge(other.otherFiles, uniquingKeysWith: +)
      besideClasses += other.besideClasses
      loops += other.loops
      danglingLinks += other.danglingLinks
      firstDanglingLink = firstDanglingLink ?? other.firstDanglingLink
    }

    /// Adds the file `name` of `folder`, which is no picture.
    mutating func add(_ name: String, in folder: String) {
      let path = DirectoryListing.join(folder, name)
      guard !DirectoryListing.isDanglingLink(path) else {
        danglingLinks += 1
        firstDanglingLink = firstDanglingLink ?? path
        return
      }
      let ending = PictureListing.ending(of: name)
      if PictureKinds.all.contains(name) {
        otherPictures[ending, default: 0] += 1
      } else {
        otherFiles[ending, default: 0] += 1
      }
    }
  }

  /// Paths of the pictures.
  public private(set) var paths: [String] = []
  /// What is left out.
  public private(set) var leftOut = LeftOut()

  /// Most folders that are listed: links can multiply a few folders without end.
  private static let maximumFolders = 1 << 20

  /// Lists `folder` without opening a picture; links to one of `ancestors` lead back.
  ///
  /// - Throws: `file` where the system refuses, `tooManyFolders`.
  init(of folder: String, kinds: PictureKinds, below ancestors: [FileIdentity]) throws(ImageError) {
    var walk = Walk(kinds: kinds, limit: Self.maximumFolders, chain: ancestors)
    try walk.visit(folder)
    walk.found.sort { FileName.precedes($0.folder, $1.folder) }
    paths = walk.found.flatMap { found in found.names.map { DirectoryListing.join(found.folder, $0) } }
    leftOut = walk.leftOut
  }

  /// Lists the pictures that lie in `folder` itself, then those of each folder in it, which is the order of
  /// `ImageFolder` for a folder of class folders.
  ///
  /// - Throws: `file` where the system refuses, `tooManyFolders`.
  public init(of folder: String, kinds: PictureKinds = .imageFolder) throws(ImageError) {
    let entries = try Self.entries(of: folder)
    for name in entries.files {
      if kinds.contains(name) {
        paths.append(DirectoryListing.join(folder, name))
      } else {
        leftOut.add(name, in: folder)
      }
    }
    let root = FileIdentity(path: folder)
    for name in entries.folders {
      let below = try PictureListing(
        of: DirectoryListing.join(folder, name), kinds: kinds, below: root.map { [$0] } ?? [])
      paths += below.paths
      leftOut.add(below.leftOut)
    }
  }

  /// Names of the files and of the folders in `folder`, in byte-wise order, links followed.
  static func entries(of folder: String) throws(ImageError) -> (files: [String], folders: [String]) {
    let names: [String]
    do throws(FileError) {
      names = try DirectoryListing.names(in: folder, includesHidden: true)
    } catch {
      throw .file(error)
    }
    var (files, folders): ([String], [String]) = ([], [])
    for name in names {
      if DirectoryListing.kind(of: DirectoryListing.join(folder, name)) == .directory {
        folders.append(name)
      } else {
        files.append(name)
      }
    }
    return (files, folders)
  }

  /// The ending of `name` with its dot, in lower case.
  static func ending(of name: String) -> String {
    guard let dot = name.utf8.lastIndex(of: UInt8(ascii: ".")) else { return "no ending" }
    return String(name[dot...].prefix(16)).lowercased()
  }
}

/// A walk through a folder, links followed.
private struct Walk {
  let kinds: PictureKinds
  let limit: Int
  /// The folders from the root to the one that is listed.
  var chain: [FileIdentity]
  var found: [(folder: String, names: [String])] = []
  var leftOut = PictureListing.LeftOut()
  private var folderCount = 0

  init(kinds: PictureKinds, limit: Int, chain: [FileIdentity]) {
    (self.kinds, self.limit, self.chain) = (kinds, limit, chain)
  }

  mutating func visit(_ folder: String) throws(ImageError) {
    let identity = FileIdentity(path: folder)
    if let identity, chain.contains(identity) {
      leftOut.loops += 1
      return
    }
    folderCount += 1
    guard folderCount <= limit else { throw .tooManyFolders(path: folder, limit: limit) }
    let entries = try PictureListing.entries(of: folder)
    let names = entries.files.filter(kinds.contains)
    for name in entries.files where !kinds.contains(name) { leftOut.add(name, in: folder) }
    if !names.isEmpty { found.append((folder, names)) }
    if let identity { chain.append(identity) }
    for name in entries.folders { try visit(DirectoryListing.join(folder, name)) }
    if identity != nil { chain.removeLast() }
  }
}
