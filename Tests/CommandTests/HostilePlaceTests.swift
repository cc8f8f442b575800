import FixresBase
import FixresIR
import TestSupport
import Testing
import fixresc

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Every path that a command reads, and everything that may lie there instead of a good file.
@Suite struct HostilePlaceTests {
  /// The superuser reads what nobody may.
  private static let places =
    [
      "empty", "one byte", "seven bytes", "noise", "folder", "pipe", "/dev/zero", "sparse", "page.html",
      "pointer", "loop", "missing", "text",
    ] + (geteuid() == 0 ? [] : ["unreadable"])

  private let folder: TemporaryFolder
  private let pictures: PictureFolder
  private let model: String
  private let tensor: String

  init() throws {
    folder = try TemporaryFolder()
    pictures = try PictureFolder(classes: 5, perClass: 1)
    model = folder.path + "/model.bin"
    tensor = folder.path + "/in.npy"
    try ModelFile.write(try SmallModel.residual(), to: model)
    try Npy.write([Float](repeating: 0.5, count: 3 * 32 * 32), shape: [1, 3, 32, 32], to: tensor)
  }

  /// Makes what lies at `place`; its path.
  private func make(_ place: String) throws -> String {
    let path = place.hasPrefix("/") ? place : folder.path + "/" + place
    var random = SeededRandom(seed: 5)
    let bytes: [UInt8]? =
      switch place {
      case "empty": []
      case "one byte": [0x50]
      case "seven bytes", "unreadable": Array("PK\u{3}\u{4}abc".utf8)
      case "noise": (0..<1 << 20).map { _ in UInt8(truncatingIfNeeded: random.next() >> 40) }
      case "page.html": Array("<!DOCTYPE html>\n<html><head><title>Sign in</title></head>\n</html>\n".utf8)
      case "pointer":
        Array("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 102\n".utf8)
      case "text": Array("a\nb\nc\n".utf8)
      default: nil
      }
    if let bytes { try AtomicFileWriter.write(bytes, to: path) }
    switch place {
    case "folder": _ = folder.makeFolder(place)
    case "pipe": try #require(mkfifo(path, 0o600) == 0)
    case "loop": try #require(symlink(path, path) == 0)
    case "unreadable": try #require(chmod(path, 0) == 0)
    case "sparse":
      let descriptor = open(path, O_WRONLY | O_CREAT, 0o600)
      try #require(descriptor >= 0 && ftruncate(descriptor, off_t(5) << 30) == 0)
      close(descriptor)
    default: break
    }
    return path
  }

  /// A command line for each way in which a command reads a path.
  private func lines(_ path: String) -> [[String]] {
    let (data, out) = (pictures.folder.path, ["-o", folder.path + "/out.bin"])
    let picture = data + "/class 0/picture 00.ppm"
    return [
      ["import", path] + out, ["adapt", path] + out, ["inspect", path], ["bench", path, "--runs", "1"],
      ["run", path, picture], ["run", model, path], ["eval", path, data], ["eval", model, path],
      ["compare", path, model], ["compare", model, path], ["compare", model, model, "--input", path],
      ["export", path, "--format", "onnx"] + out, ["import", model, "--finetuned", path] + out,
      ["import", model, "--reference", path + ":" + tensor] + out,
      ["import", model, "--reference", tensor + ":" + path] + out,
      ["eval", model, data, "--labels", path], ["eval", model, data, "--classes", path], ["analyze", path],
      ["analyze", "--images", path], ["stats", model, path, "--resolutions", "32"],
      ["sweep", model, path, "--resolutions", "32"], ["finetune", model, path, "--to", "32"] + out,
      ["finetune", model, data, "--to", "32", "--validate", path] + out,
      ["adapt", model, "--bn-statistics", path] + out, ["adapt", model, "--equalize", path] + out,
    ]
  }

  @Test("row 1 and 2: whatever lies at a path, each command ends in one named line", arguments: places)
  func eachCommandEndsInOneLine(_ place: String) throws {
    let path = try make(place)
    for words in lines(path) {
      let call = Call(words)
      #expect(call.status == 1, "\(words): \(call.output)")
      #expect(call.faultsOfError.isEmpty, "\(words): \(call.faultsOfError)")
      #expect(call.error.contains("fixresc: error: "), "\(words)")
      #expect(!folder.names.contains("out.bin"), "\(words)")
    }
  }

  @Test("row 2: pages and pointers have their own hints") func pagesAndPointersAreTold() throws {
    for (place, word) in [("page.html", "HTML"), ("pointer", "git")] {
      let call = Call("inspect", try make(place))
      #expect(call.error.contains(word), "\(call.error)")
      let picture = folder.path + "/" + place + ".jpg"
      try AtomicFileWriter.write(try MappedFile.open(folder.path + "/" + place).array, to: picture)
      #expect(Call("run", model, picture).error.lowercased().contains(word.lowercased()))
    }
  }

  @Test("row 2: the content decides, whatever the suffix") func theContentDecides() throws {
    let bytes = try MappedFile.open(model).array
    for suffix in [".pth", ".onnx", ".safetensors", ".jpg", ""] {
      let path = folder.path + "/other" + suffix
      try AtomicFileWriter.write(bytes, to: path)
      #expect(Call("inspect", path).status == 0, "\(suffix)")
    }
    let picture = try MappedFile.open(pictures.folder.path + "/class 0/picture 00.ppm").array
    try AtomicFileWriter.write(picture, to: folder.path + "/picture.bin")
    #expect(Call("run", model, folder.path + "/picture.bin").status == 0)
  }

  @Test("row 19: outputs in folders that cannot be written leave everything as it was")
  func unwritablePlacesAreRefused() throws {
    let before = folder.names
    for out in [
      "/proc/none/out.bin", folder.path + "/none/out.bin", folder.path, model + "/out.bin", "/dev/full/x",
    ] {
      for words in [["adapt", model, "-o", out], ["export", model, "--format", "onnx", "-o", out]] {
        let call = Call(words)
        #expect(call.status != 0 && call.faultsOfError.isEmpty, "\(words): \(call.error)")
      }
    }
    #expect(folder.names == before)
  }

  @Test("row 15: sizes that are none, odd or beyond memory") func sizesAreBounded() throws {
    let out = folder.path + "/out.bin"
    for (size, status) in [("0", 1), ("-1", 1), ("1", 0), ("31", 0), ("33", 0), ("33x65", 0), ("32769", 1)]
      as [(String, Int32)]
    {
      let call = Call("adapt", model, "--to", size, "-o", out, "--no-proof")
      #expect(call.status == status && call.faultsOfError.isEmpty, "\(size): \(call.error)")
    }
    let huge = Call("run", model, tensor, "--max-pixels", "99999999999999999999")
    #expect(huge.status == 2)
  }
}
