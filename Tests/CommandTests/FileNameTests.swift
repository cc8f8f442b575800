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

/// Names of files that are bytes and not text, and names that a terminal would obey.
@Suite struct FileNameTests {
  private let folder: TemporaryFolder
  private let model: String
  private let picture: [UInt8]

  private static let names: [[UInt8]] = [
    Array("bad".utf8) + [0xFF] + Array(".ppm".utf8), Array("cut".utf8) + [0xC3] + Array(".ppm".utf8),
    Array("esc\u{1B}[31m.ppm".utf8), Array("new\nline.ppm".utf8), Array("\u{202E}bidi.ppm".utf8),
    Array("\u{10FEFF}.ppm".utf8), Array("e\u{301}.ppm".utf8), Array("\u{E9}.ppm".utf8),
    Array("\u{600}.ppm".utf8), [0xED, 0xA0, 0x80] + Array(".ppm".utf8),
  ]

  init() throws {
    folder = try TemporaryFolder()
    model = folder.path + "/model.bin"
    try ModelFile.write(try SmallModel.residual(), to: model)
    picture = Array("P6 4 4 255\n".utf8) + [UInt8](repeating: 90, count: 48)
  }

  @Test("row 1: names keep every byte") func namesKeepEveryByte() {
    for name in Self.names + [[0xF4, 0x8F, 0xBA, 0x80], [0x80], [0xF4, 0x8F, 0xBB], []] {
      let text = FileName.text(of: name)
      #expect(FileName.bytes(of: text) == name)
      #expect(FileName.withBytes(text) { FileName.text(of: $0) } == text)
    }
    var random = SeededRandom(seed: 17)
    for _ in 0..<2000 {
      let lead: [UInt8] = [0xF4, 0x8F, 0xBA, 0xBB, 0xC3, 0xE2, 0x41, 0x80]
      let name = (0..<random.nextInt(in: 0..<9)).map { _ in
        random.nextInt(in: 0..<3) > 0 ? lead[random.nextInt(in: 0..<8)] : UInt8(random.nextInt(in: 1..<256))
      }
      #expect(FileName.bytes(of: FileName.text(of: name)) == name, "seed 17: \(name)")
    }
  }

  @Test("row 1: a folder of names that are not UTF-8 is read whole") func foldersAreReadWhole() throws {
    let data = folder.makeFolder("data")
    for name in Self.names {
      try AtomicFileWriter.write(picture, to: data + "/" + FileName.text(of: name))
    }
    let call = Call("run", model, data, "--top", "1")
    #expect(call.status == 0 && call.error.isEmpty, "\(call.error)")
    #expect(call.output.split(separator: "\n").count == 2 * Self.names.count)
    #expect(!call.output.contains("\u{1B}") && !call.output.contains("\u{202E}"))
    #expect(call.output.contains("bad\\xff.ppm") && call.output.contains("new\\u{a}line.ppm"))
    let json = Call("run", model, data, "--json")
    #expect(json.json["results"]?.arrayValue?.count == Self.names.count)
    #expect(!json.output.contains("\u{1B}") && !json.output.contains("\u{202E}"))
    // A name that is not UTF-8 has its bytes beside it, and no other has.
    let named = (json.json["results"]?.arrayValue ?? []).filter { $0["input_base64"] != nil }
    let foreign = Self.names.filter {
      FileName.text(of: $0).unicodeScalars.contains { FileName.rawByte($0) != nil }
    }
    #expect(named.count == foreign.count && !foreign.isEmpty)
    for element in named { #expect(element["input"]?.stringValue?.contains("\\x") == true, "\(element)") }
    let missing = Call("run", model, FileName.text(of: Array("/a".utf8) + [0xFF]), "--json")
    #expect(missing.json["error"]?["path_base64"] == "L2H/" || missing.output.contains("L2H/"))
    for name in Self.names {
      #expect(Call("run", model, data + "/" + FileName.text(of: name)).status == 0)
    }
  }

  @Test("row 19: outputs get their very names") func outputsGetTheirVeryNames() throws {
    let out = folder.path + "/" + FileName.text(of: Array("out".utf8) + [0xFE] + Array("\n.bin".utf8))
    #expect(Call("adapt", model, "-o", out).status == 0)
    #expect(FileName.withBytes(out) { access($0, F_OK) } == 0)
    let before = folder.names
    #expect(Call("adapt", out, "-o", out).status == 0)
    #expect(folder.names == before)
    let same = Call("run", model, out, "--save-logits", out)
    #expect(same.status == 2 && same.error.contains("would be replaced") && same.faultsOfError.isEmpty)
  }

  @Test("row 1: links to nothing are named") func linksToNothingAreNamed() throws {
    let data = folder.makeFolder("data")
    try AtomicFileWriter.write(picture, to: data + "/a.ppm")
    #expect(symlink("/nowhere/b.ppm", data + "/b.ppm") == 0 && symlink("/nowhere/c", data + "/c") == 0)
    let run = Call("run", model, data, "--json")
    #expect(run.status == 1 && run.json["results"]?.arrayValue?.count == 1)
    #expect(run.error.contains("/c. Exit status 1") && run.error.contains("b.ppm"), "\(run.error)")
    for call in [Call("run", model, data + "/b.ppm"), Call("inspect", data + "/c")] {
      #expect(call.status == 1 && call.error.contains("found a link to /nowhere/"), "\(call.error)")
    }
    let output = Call("adapt", model, "-o", data + "/c")
    #expect(output.status == 1 && output.error.contains("found a link to /nowhere/c"))
  }

  @Test("row 1: class tables name folders by their bytes") func classTablesNameFoldersByTheirBytes() throws {
    let data = folder.makeFolder("classes")
    var table: [UInt8] = []
    for index in 0..<5 {
      let name = [UInt8](repeating: 0xA0 + UInt8(index), count: 2)
      let inner = folder.makeFolder("classes/" + FileName.text(of: name))
      try AtomicFileWriter.write(picture, to: inner + "/a.ppm")
      table += name + Array(" \(index)\n".utf8)
    }
    let file = folder.path + "/table.txt"
    try AtomicFileWriter.write(table, to: file)
    let call = Call("eval", model, data, "--classes", file, "--json")
    #expect(call.status == 0 && call.json["images"] == 5, "\(call.error)")
  }

  @Test("row 5: names from files are short and escaped wherever they are printed")
  func namesFromFilesAreShortAndEscaped() throws {
    let names = [
      String(repeating: "w", count: 3 << 20), "a\u{1B}[2J\n\u{202E}\u{2028}b",
      String(repeating: "w ", count: 9000),
    ]
    for name in names {
      var model = try SmallModel.residual()
      model = try model.renaming("layer1.0.conv1", to: name)
      let path = folder.path + "/named.bin"
      try ModelFile.write(model, to: path)
      for words in [
        ["inspect", path], ["bench", path, "--runs", "1", "--per-layer"], ["compare", path, path],
        ["inspect", path, "--asm", "none"], ["adapt", path, "--passes", "\(name)", "-o", path + "x"],
        ["run", path, path], ["run", path, name], ["eval", path, name],
      ] {
        let call = Call(words)
        #expect(call.faultsOfError.isEmpty, "\(words[0]): \(call.faultsOfError)")
        #expect(call.output.utf8.count < 1 << 16, "\(words[0]): \(call.output.utf8.count) bytes")
        #expect(!call.output.contains("\u{1B}") && !call.output.contains("\u{202E}"))
        let json = Call(words + ["--json"])
        #expect(json.json.objectValue != nil && !json.output.contains("\u{1B}"))
      }
      for option in ["--plan", "--ir"] {
        let call = Call("inspect", path, option)
        #expect(call.status == 0 && !call.output.contains("\u{1B}") && !call.output.contains("\u{202E}"))
      }
    }
  }
}

extension Model {
  /// This model, the value `old` called `new`.
  fileprivate func renaming(_ old: String, to new: String) throws -> Model {
    var rewriter = Rewriter(graph)
    let value = try #require(graph.nodes.first { graph[$0.result].name == old }?.result)
    try rewriter.rename(value, to: new)
    return try Model(graph: rewriter.finish(), constants: constants, metadata: metadata)
  }
}
