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

/// Folders whose pictures cannot be read.
@Suite struct BadPictureTests {
  private let folder: TemporaryFolder
  private let model: String

  init() throws {
    folder = try TemporaryFolder()
    model = folder.path + "/model.bin"
    try ModelFile.write(try SmallModel.residual(), to: model)
  }

  /// Five class folders of `count` pictures each, those good whose number `isGood`.
  private func pictures(_ count: Int, _ isGood: (Int) -> Bool) throws -> String {
    let data = folder.makeFolder("data")
    let good = Array("P6 4 4 255\n".utf8) + [UInt8](repeating: 90, count: 48)
    for index in 0..<5 {
      let inner = folder.makeFolder("data/class \(index)")
      for number in 0..<count {
        let name = String(String(1000 + number).dropFirst())
        try AtomicFileWriter.write(
          isGood(index * count + number) ? good : Array("not a picture".utf8), to: "\(inner)/\(name).ppm")
      }
    }
    return data
  }

  private func lines(_ data: String) -> [[String]] {
    [
      ["run", model, data], ["eval", model, data], ["stats", model, data, "--resolutions", "32"],
      ["sweep", model, data, "--resolutions", "32"],
      ["finetune", model, data, "--to", "32", "-o", folder.path + "/out.bin"],
      ["adapt", model, "--bn-statistics", data, "-o", folder.path + "/out.bin"],
      ["adapt", model, "--equalize", data, "-o", folder.path + "/out.bin"], ["analyze", "--images", data],
    ]
  }

  @Test("row 16: a folder of bad pictures ends early") func aFolderOfBadPicturesEndsEarly() throws {
    let data = try pictures(50) { _ in false }
    for words in lines(data) {
      let call = Call(words)
      #expect(call.status == 1 && call.faultsOfError.isEmpty, "\(words)")
      #expect(
        call.error.contains("100 pictures in succession could not be read, after 100 of 250"),
        "\(words): \(call.error)")
      #expect(call.error.contains("class 0/000.ppm") && call.error.contains("--max-failures N"))
      let some = Call(words + ["--max-failures", "7", "--json"])
      #expect(some.json["error"]?["kind"] == "method.failures-in-succession", "\(some.output)")
      #expect(some.json["error"]?["done"] == 7 && some.json["error"]?["failed"] == 7)
    }
  }

  @Test("row 16: bad pictures between good ones are skipped and counted") func badPicturesAreSkipped() throws
  {
    let data = try pictures(4) { $0 % 2 == 0 }
    for words in [["run", model, data], ["eval", model, data]] {
      let call = Call(words + ["--max-failures", "2", "--json"])
      #expect(call.status == 1 && call.json["failures"]?.arrayValue?.count == 10, "\(call.error)")
      #expect(call.json["results"]?.arrayValue?.count ?? call.json["images"]?.integerValue == 10)
    }
    let allowed = Call(
      "stats", model, data, "--resolutions", "32", "--allow-failures", "--json")
    #expect(allowed.status == 0 && allowed.json["rows"]?[0]?["failed"] == 10, "\(allowed.error)")
  }

  @Test("row 16: run keeps what it had when it ends early") func runKeepsWhatItHad() throws {
    let data = try pictures(20) { $0 < 6 }
    let logits = folder.path + "/l.npy"
    let call = Call("run", model, data, "--max-failures", "10", "--json", "--save-logits", logits)
    #expect(call.status == 1 && call.json["results"]?.arrayValue?.count == 6, "\(call.error)")
    #expect(call.error.contains("ended early: 10 pictures in succession"))
    #expect(try Npy.read(try MappedFile.open(logits)).shape == [6, 5])
    // An error after results were printed belongs to the same object.
    let named = data + "/class 0/000.ppm"
    let broken = Call("run", model, data + "/class 0", named, data + "/class 4/000.ppm", "--json")
    #expect(broken.status == 1 && broken.json["error"] != nil, "\(broken.output)")
  }

  @Test("row 1: pipes and devices among the pictures are named, not read") func pipesAreNamed() throws {
    let data = try pictures(1) { _ in true }
    #expect(mkfifo(data + "/class 0/pipe.ppm", 0o600) == 0)
    #expect(symlink("/dev/zero", data + "/class 1/zero.ppm") == 0)
    #expect(symlink(data, data + "/class 2/loop") == 0)
    let call = Call("eval", model, data, "--json")
    #expect(call.status == 1 && call.json["images"] == 5, "\(call.error)")
    #expect(
      call.json["failures"]?.arrayValue?.count == 2
        && call.error.contains("found a pipe, a socket or a device"))
  }
}
