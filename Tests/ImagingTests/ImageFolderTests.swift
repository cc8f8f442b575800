import FixresBase
import FixresImaging
import TestSupport
import Testing

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

@Suite struct ImageFolderTests {
  private let root: TemporaryFolder

  init() throws { root = try TemporaryFolder() }

  /// Makes empty files, and `link -> target` symbolic links.
  private func make(_ entries: [String]) throws {
    for entry in entries {
      let parts = entry.split(separator: " ").map(String.init)
      var path = root.path
      for part in parts[0].split(separator: "/").dropLast() {
        path += "/" + part
        mkdir(path, 0o755)
      }
      if parts.count == 3 {
        try #require(symlink(parts[2], root.path + "/" + parts[0]) == 0)
      } else if !parts[0].hasSuffix("/") {
        let descriptor = open(root.path + "/" + parts[0], O_CREAT | O_WRONLY, 0o644)
        try #require(descriptor >= 0)
        close(descriptor)
      } else {
        mkdir(root.path + "/" + parts[0], 0o755)
      }
    }
  }

  private func relative(_ paths: [String]) -> [String] {
    paths.map { String($0.dropFirst(root.path.count + 1)) }
  }

  /// The order is that of torchvision 0.28's `ImageFolder(root).samples` for these files.
  @Test func picturesAreThoseOfImageFolder() throws {
    try make([
      "b/2.jpg", "b/10.JPEG", "a/z.png", "a/A.ppm", "Z/x.pgm", "b/notes.txt", "b/.hidden.jpg", "loose.jpg",
      "b/deep/er/1.webp", "b/deep-1/2.tiff", "b/deep/0.TIF", "b/anim.gif", "b/x.bmp", ".h/q.png", "a/none",
      "other/w.jpeg", "a/linked -> ../other", "a/gone.jpg -> nowhere", "b/.d/p.jpg",
    ])
    let folder = try ImageFolder(path: root.path)
    #expect(folder.classes == [".h", "Z", "a", "b", "other"])
    #expect(
      relative(folder.entries.map(\.path)) == [
        ".h/q.png", "Z/x.pgm", "a/A.ppm", "a/gone.jpg", "a/z.png", "a/linked/w.jpeg", "b/.hidden.jpg",
        "b/10.JPEG",
        "b/2.jpg", "b/x.bmp", "b/.d/p.jpg", "b/deep/0.TIF", "b/deep-1/2.tiff", "b/deep/er/1.webp",
        "other/w.jpeg",
      ])
    #expect(folder.entries.map(\.classIndex) == [0, 1, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3, 4])
    #expect(folder.leftOut.otherPictures == [".gif": 1] && folder.leftOut.besideClasses == 1)
    #expect(folder.leftOut.otherFiles == [".txt": 1, "no ending": 1])
    // Without classes the same pictures in the same order, after those beside the class folders.
    let listing = try PictureListing(of: root.path)
    #expect(listing.paths == [root.path + "/loose.jpg"] + folder.entries.map(\.path))
    let all = try ImageFolder(path: root.path, kinds: .all)
    #expect(all.entries.count == 16 && all.leftOut.otherPictures.isEmpty)
    #expect(try relative(ImageFolder.pictures(in: root.path)) == ["loose.jpg"])
  }

  @Test("row 1: links that lead back end") func linksThatLeadBackEnd() throws {
    try make([
      "a/1.jpg", "a/up -> ..", "a/self -> ../a", "b/2.jpg", "b/x/3.jpg", "b/x/back -> ../../b",
      "b/x/self -> self",
    ])
    let folder = try ImageFolder(path: root.path)
    #expect(relative(folder.entries.map(\.path)) == ["a/1.jpg", "b/2.jpg", "b/x/3.jpg"])
    #expect(folder.leftOut.loops == 3)
  }

  @Test func foldersWithoutPicturesAreNamed() throws {
    try make(["a/x.jpg", "b/notes.txt"])
    #expect(throws: ImageError.emptyClass(path: root.path + "/b")) { try ImageFolder(path: root.path) }
    #expect(throws: ImageError.noClasses(path: root.path + "/a")) { try ImageFolder(path: root.path + "/a") }
    #expect(throws: ImageError.file(.notFound(path: root.path + "/none"))) {
      try ImageFolder(path: root.path + "/none")
    }
  }

  @Test func formatsWithoutADecoderAreKnown() {
    #expect(ImageError.otherFormat(name: "WebP").isWithoutDecoder)
    #expect(!ImageError.otherFormat(name: "HTML").isWithoutDecoder)
    #expect(!ImageError.unknownFormat(firstBytes: []).isWithoutDecoder)
  }
}
