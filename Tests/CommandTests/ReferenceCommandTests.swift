import FixresBase
import FixresIR
import FixresMethod
import FixresRuntime
import TestSupport
import Testing
import fixresc

/// `--reference IN:OUT`, what it leaves in a model, and `adapt --verify`.
@Suite struct ReferenceCommandTests {
  private let folder: TemporaryFolder
  private let model: String
  private let pair: String

  init() throws {
    folder = try TemporaryFolder()
    (model, pair) = (folder.path + "/m.bin", folder.path + "/in.npy:" + folder.path + "/out.npy")
    let network = try SmallModel.residual()
    try ModelFile.write(network, to: model)
    let input = try NoiseInput.make(for: network.graph)
    try Npy.write(input, shape: [1, 3, 32, 32], to: folder.path + "/in.npy")
    try Npy.write(
      try Session(model: network).run(input).logits, shape: [1, 5], to: folder.path + "/out.npy")
  }

  private func path(_ name: String) -> String { folder.path + "/" + name }

  @Test func aReferenceThatFitsIsKept() throws {
    let call = Call("import", model, "-o", path("v.bin"), "--reference", pair, "--json")
    #expect(call.status == 0, "\(call.error)")
    #expect(call.error.contains("verified by 1 reference, greatest difference"))
    #expect(call.json["verified"]?["references"] == 1)
    #expect(call.json["verified"]?["max_difference"]?.doubleValue ?? 1 < 1e-6)
    let inspected = Call("inspect", path("v.bin"), "--json").json
    #expect(inspected["verified"]?["references"] == 1)
    #expect(Call("inspect", path("v.bin")).output.contains("1 reference, greatest difference"))
    #expect(Call("inspect", model, "--json").json["verified"] == .null)
    #expect(try ModelFile.open(path("v.bin")).references.map(\.name) == ["in.npy"])
  }

  @Test func everyLaterVersionIsShownAgain() throws {
    #expect(Call("import", model, "-o", path("v.bin"), "--reference", pair).status == 0)
    for (from, to, size) in [("v", "a", "48"), ("a", "b", "40x56"), ("b", "c", "32")] {
      let call = Call(
        "adapt", path(from + ".bin"), "-o", path(to + ".bin"), "--to", size, "--verify", "--json")
      #expect(call.status == 0, "\(call.error)")
      let reference = call.json["references"]?[0]
      #expect(
        reference?["name"] == "in.npy" && reference?["resolution"] == "32"
          && reference?["read_as"] == "scores")
      #expect(reference?["max_difference"]?.doubleValue ?? 1 < 1e-5)
    }
    let text = Call("adapt", path("c.bin"), "-o", path("d.bin"), "--verify").output
    #expect(text.contains("references     in.npy at 32: greatest difference"))
  }

  @Test func aReferenceThatNoLongerFitsFailsTheCommand() throws {
    var changed = try ModelFile.open(model)
    let outputs = Tensor(shape: [1, 5], [1, 2, 3, 4, 5])
    let input = Tensor(shape: [1, 3, 32, 32], try NoiseInput.make(for: changed.graph))
    changed.references = [ReferencePair(name: "old.npy", input: .tensor(input), outputs: outputs)]
    try ModelFile.write(changed, to: path("wrong.bin"))
    let call = Call("adapt", path("wrong.bin"), "-o", path("out.bin"), "--verify")
    #expect(call.status == 1 && call.error.contains("old.npy at 32"), "\(call.error)")
    #expect(!folder.names.contains("out.bin"))
    #expect(
      Call("adapt", path("wrong.bin"), "-o", path("out.bin")).status == 0, "asked for only with --verify")
  }

  @Test func whatComputesSomethingElseKeepsNone() throws {
    #expect(Call("import", model, "-o", path("v.bin"), "--reference", pair).status == 0)
    let pictures = try PictureFolder(classes: 2, perClass: 3)
    for words in [["--bn-statistics", pictures.folder.path], ["--test-pool", "--to", "48"]] {
      let call = Call(["adapt", path("v.bin"), "-o", path("o.bin"), "--verify"] + words)
      #expect(call.status == 0, "\(call.error)")
      #expect(call.error.contains("the references are not kept"))
      let read = try ModelFile.open(path("o.bin"))
      #expect(read.references.isEmpty && read.metadata.verified == nil)
    }
  }

  @Test func aWrongPairIsRefused() throws {
    try Npy.write([5, 4, 3, 2, 1] as [Float], shape: [5], to: path("other.npy"))
    let word = path("in.npy") + ":" + path("other.npy")
    for words in [
      ["run", model, path("in.npy")], ["import", model, "-o", path("o.bin")], ["inspect", model],
    ] {
      let call = Call(words + ["--reference", word])
      #expect(call.status == 1 && call.error.contains("expected the outputs of in.npy"), "\(call.error)")
    }
    #expect(!folder.names.contains("o.bin"))
    let report = Call("inspect", model, "--reference", word, "--json").json["error"]
    #expect(report?["kind"] == "reference.misfit" && report?["difference"]?.doubleValue ?? 0 > 0.1)
    #expect(Call("inspect", model, "--reference", "no-colon").status == 2)
    let missing = Call("inspect", model, "--reference", path("in.npy") + ":" + path("none.npy"))
    #expect(missing.status == 1 && missing.error.contains("none.npy: no such file"))
  }

  @Test func pathsMayHoldColons() throws {
    let inner = folder.makeFolder("a:b")
    for name in ["in.npy", "out.npy"] {
      try AtomicFileWriter.write(try MappedFile.open(path(name)).array, to: inner + "/x:" + name)
    }
    let call = Call("inspect", model, "--reference", inner + "/x:in.npy:" + inner + "/x:out.npy")
    #expect(call.status == 0, "\(call.error)")
  }

  @Test func theScriptIsAGolden() {
    let call = Call("reference", "--script")
    #expect(Golden.difference(call.output, from: "reference/script.py") == nil)
    #expect(Call("reference", "--script", "--json").json["script"]?.stringValue == call.output)
    #expect(Call("reference").status == 2)
  }
}
