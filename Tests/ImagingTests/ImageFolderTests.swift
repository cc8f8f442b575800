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
  /// A folder with the files given as `class/name`, removed by `body`'s end.
  private func withFolder(_ files: [String], _ body: (String) throws -> Void) throws {
    let root = try TemporaryFolder()
    var folders: [String] = []
    for file in files {
      let parts = file.split(separator: "/").map(String.init)
      if parts.count == 2, !folders.contains(parts[0]) {
        mkdir(root.path + "/" + parts[0], 0o755)
        folders.append(parts[0])
      }
      let descriptor = open(root.path + "/" + file, O_CREAT | O_WRONLY, 0o644)
      try #require(descriptor >= 0)
      close(descriptor)
    }
    defer {
      for file in files { unlink(root.path + "/" + file) }
      for folder in folders { rmdir(root.path + "/" + folder) }
    }
    try body(root.path)
  }

  @Test func classesAndPicturesAreInByteWiseOrder() throws {
    let files = [
      "b/2.jpg", "b/10.JPEG", "a/z.png", "a/A.ppm", "Z/x.pgm", "b/notes.txt", "b/.hidden.jpg", "loose.jpg",
    ]
    try withFolder(files) { path in
      let folder = try ImageFolder(path: path)
      #expect(folder.classes == ["Z", "a", "b"])
      #expect(
        folder.entries.map { String($0.path.dropFirst(path.count + 1)) }
          == ["Z/x.pgm", "a/A.ppm", "a/z.png", "b/10.JPEG", "b/2.jpg"])
      #expect(folder.entries.map(\.classIndex) == [0, 1, 1, 2, 2])
      #expect(try ImageFolder.pictures(in: path) == [path + "/loose.jpg"])
    }
  }

  @Test func foldersWithoutPicturesAreNamed() throws {
    try withFolder(["a/x.jpg", "b/notes.txt"]) { path in
      #expect(throws: ImageError.emptyClass(path: path + "/b")) { try ImageFolder(path: path) }
    }
    try withFolder(["x.jpg"]) { path in
      #expect(throws: ImageError.noClasses(path: path)) { try ImageFolder(path: path) }
      #expect(throws: ImageError.file(.notFound(path: path + "/none"))) {
        try ImageFolder(path: path + "/none")
      }
    }
  }
}
