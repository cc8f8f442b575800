import FixresBase
import FixresIR
import TestSupport
import Testing
import fixresc

/// Facts on the command line: stated, refused, said, kept.
@Suite struct FactCommandTests {
  private let folder: TemporaryFolder
  private let checkpoint = TestData.fixture("facts/basic.safetensors")
  private let headless = TestData.fixture("facts/head-none.safetensors")
  private var output: String { folder.path + "/model.bin" }

  init() throws { folder = try TemporaryFolder() }

  @Test func assumptionsAreSaidByEveryReaderOfACheckpoint() {
    for words in [
      ["inspect"], ["import", "-o", output], ["bench", "--runs", "1"], ["adapt", "-o", output, "--no-proof"],
    ] {
      let call = Call([words[0], checkpoint, "--train-resolution", "64", "--quiet"] + words.dropFirst())
      #expect(call.status == 0, "\(call.error)")
      let lines = call.error.split(separator: "\n").filter { $0.hasPrefix("fixresc: assumed") }
      #expect(lines.count == 2, "\(words): \(call.error)")
      #expect(lines.first?.contains("activation=relu, strides=1,2,2,2") == true)
      #expect(lines.first?.contains("--network FACT=VALUE") == true)
      #expect(lines.last?.contains("crop-share=0.875") == true)
    }
  }

  @Test func whatIsStatedIsNoAssumption() {
    let call = Call(
      "import", checkpoint, "-o", output, "--json", "--network", "activation=silu,strides=1,2,2,1",
      "--bn-eps", "0.001")
    #expect(call.status == 0, "\(call.error)")
    #expect(
      !call.error.contains("activation=") && !call.error.contains("strides=")
        && !call.error.contains("bn-eps="))
    let facts = call.json["facts"]?.arrayValue ?? []
    #expect(
      facts.contains { $0["name"] == "activation" && $0["value"] == "silu" && $0["source"] == "option" })
    #expect(facts.contains { $0["name"] == "pool" && $0["source"] == "default" && $0["option"] != nil })
    #expect(
      call.json["assumed"]?.arrayValue?.contains { $0.stringValue?.hasPrefix("pool=avg") == true } == true)
  }

  @Test func aModelFileKeepsItsFactsAndSaysNothing() throws {
    #expect(Call("import", checkpoint, "-o", output, "--network", "activation=mish").status == 0)
    let call = Call("inspect", output, "--json")
    #expect(call.status == 0 && !call.error.contains("assumed"))
    #expect(
      call.json["facts"]?.arrayValue?.contains { $0["value"] == "mish" && $0["source"] == "option" } == true)
    #expect(Call("inspect", output).output.contains("activation=mish (option)"))
    let again = Call("inspect", output, "--network", "activation=relu")
    #expect(again.status == 1 && again.error.contains("--network") && again.error.contains("settled"))
  }

  @Test func outputsAreStatedOfModelFilesToo() throws {
    #expect(Call("import", checkpoint, "-o", output).status == 0)
    let other = folder.path + "/other.bin"
    #expect(Call("import", output, "-o", other, "--outputs", "sigmoid").status == 0)
    let metadata = try ModelFile.open(other).metadata
    #expect(metadata.outputs == .sigmoid)
    #expect(metadata.facts.filter { $0.name == "outputs" }.map(\.source) == [.option])
  }

  @Test(arguments: [
    ("activaton=relu", "activation"), ("activation=rely", "relu"), ("stem-pool=maxx", "max"),
    ("strides", "strides"),
  ])
  func mistypedFactsAreUsageErrors(_ text: String, _ nearest: String) {
    let call = Call("inspect", checkpoint, "--network", text)
    #expect(call.status == 2 && call.error.contains("did you mean `\(nearest)`?"), "\(call.error)")
  }

  @Test func contradictionsNameBothSides() {
    let call = Call("inspect", checkpoint, "--network", "strides=1,2,2")
    #expect(
      call.status == 1 && call.error.contains("--network says 1,2,2") && call.error.contains("4 stages"))
    let note = Call("inspect", checkpoint, "--network", "gate=hard_sigmoid")
    #expect(note.status == 0 && note.error.contains("gate=hard_sigmoid has no effect"))
  }

  @Test func networksWithoutAClassifierRunWhereNoneIsNeeded() throws {
    let tensor = folder.path + "/x.npy"
    try Npy.write([Float](repeating: 0.5, count: 3 * 64 * 64), shape: [1, 3, 64, 64], to: tensor)
    let size = ["--train-resolution", "64"]
    let features = folder.path + "/f.npy"
    let run = Call(["run", headless, tensor, "--save-features", features] + size)
    #expect(run.status == 0, "\(run.error)")
    #expect(try Npy.read(try MappedFile.open(features)).shape == [1, 32])
    #expect(Call(["adapt", headless, "-o", output] + size).status == 0)
    #expect(Call(["bench", headless, "--runs", "1"] + size).status == 0)
    #expect(Call(["inspect", headless] + size).output.contains("none: the network ends in 32 features"))
    for words in [
      ["run", headless, tensor], ["eval", headless, folder.path],
      ["run", headless, tensor, "--save-logits", features + "2"],
    ] {
      let call = Call(words + size)
      #expect(call.status == 1 && call.error.contains("classifier"), "\(words): \(call.error)")
    }
  }
}
