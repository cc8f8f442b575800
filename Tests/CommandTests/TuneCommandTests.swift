import FixresBase
import FixresIR
import FixresRuntime
import TestSupport
import Testing
import fixresc

/// `adapt --tune` and what `inspect` says of a tuning.
@Suite struct TuneCommandTests {
  private let folder: TemporaryFolder
  private let input: String
  private let plain: String
  private let tuned: String

  init() throws {
    folder = try TemporaryFolder()
    input = folder.path + "/in.bin"
    plain = folder.path + "/plain.bin"
    tuned = folder.path + "/tuned.bin"
    try ModelFile.write(try SmallModel.residual(), to: input)
  }

  @Test func tuningChangesNoResult() throws {
    #expect(Call("adapt", input, "-o", plain).status == 0)
    let call = Call("adapt", input, "-o", tuned, "--tune", "--verify", "--json")
    #expect(call.status == 0, "\(call.error)")
    let backend = try InstructionSet.choose().backend
    guard !backend.processor.isEmpty else {
      #expect(call.json["tuning"] == .null && call.error.contains("nothing to tune"))
      return
    }
    #expect(call.json["tuning"]?["processor"] == .string(backend.processor))
    #expect(call.json["tuning"]?["kinds"]?.integerValue ?? 0 > 0)
    let (a, b) = (try ModelFile.open(plain), try ModelFile.open(tuned))
    #expect(a.tunings.isEmpty && a.graph == b.graph && a.constants == b.constants)
    let pixels = [Float](repeating: 0.25, count: a.graph.imageInput?.type.elementCount ?? 0)
    #expect(try Session(model: a).run(pixels) == Session(model: b).run(pixels))
  }

  /// `plain` with one choice made elsewhere and one made here.
  private func writeTunings() throws -> Model {
    #expect(Call("adapt", input, "-o", plain).status == 0)
    var model = try ModelFile.open(plain)
    let layer = try #require(model.graph.nodes.first { if case .conv2d = $0.op { true } else { false } })
    let choice = Tuning.Choice(layer: model.graph[layer.result].name, kernel: "direct 1x1x1 groups")
    let backend = try InstructionSet.choose().backend
    model.tunings = [
      Tuning(processor: "Abacus-1", instructionSet: backend.name, choices: [choice]),
      Tuning(processor: backend.processor, instructionSet: backend.name, choices: [choice]),
    ]
    try ModelFile.write(model, to: tuned)
    return model
  }

  @Test func inspectSaysWhatIsUsed() throws {
    _ = try writeTunings()
    let call = Call("inspect", tuned, "--json")
    #expect(call.status == 0, "\(call.error)")
    let tunings = call.json["tuning"]?.arrayValue ?? []
    #expect(tunings.count == 2 && tunings[0]["layers"] == 1)
    #expect(tunings[0]["used"] == false && tunings[0]["reason"] != .null)
    let isNative = !(try InstructionSet.choose().backend.processor.isEmpty)
    #expect(tunings[1]["used"] == .bool(isNative))
    #expect(Call("inspect", tuned).output.contains("not used here"))
    let plan = Call("inspect", tuned, "--plan").output
    #expect(plan.contains("tuned") == isNative && plan.contains("cost model") == isNative)
    #expect(!Call("inspect", plain, "--plan").output.contains("tuned"))
  }

  @Test func aChangedGraphLosesItsTunings() throws {
    let model = try writeTunings()
    let output = folder.path + "/again.bin"
    #expect(Call("adapt", tuned, "-o", output).status == 0)
    #expect(try ModelFile.open(output).tunings == model.tunings, "nothing changed")
    #expect(Call("adapt", tuned, "--to", "48", "-o", output).status == 0)
    #expect(try ModelFile.open(output).tunings.isEmpty)
  }
}
