import FixresBase
import FixresIR
import TestSupport
import Testing
import fixresc

@Suite struct AdaptTests {
  private let folder: TemporaryFolder
  private let input: String
  private let output: String

  init() throws {
    folder = try TemporaryFolder()
    input = folder.path + "/in.bin"
    output = folder.path + "/out.bin"
    try ModelFile.write(try SmallModel.residual(), to: input)
  }

  @Test func retargetsFoldsAndFuses() throws {
    let call = Call("adapt", input, "--to", "40x48", "-o", output, "--json", "--verify", "--verify-each")
    #expect(call.status == 0, "\(call.error)")
    #expect(call.json["schema"] == 1)
    let names = call.json["passes"]?.arrayValue?.compactMap { $0["name"]?.stringValue } ?? []
    #expect(names.first == "retarget-resolution" && names.contains("fold-batch-norm"))
    #expect(call.json["macs_after"]?.integerValue ?? 0 > call.json["macs_before"]?.integerValue ?? .max)
    // F x floor(40 / 0.875) / 32.
    let ratio = call.json["expected_size_ratio"]?.doubleValue ?? 0
    #expect(abs(ratio - 0.708241 * 45 / 32) < 1e-5)
    let model = try ModelFile.open(output)
    #expect(model.graph.resolution == Extent(40, 48))
    #expect(
      model.graph.nodes.map(\.op.mnemonic) == [
        "conv2d", "conv2d", "conv2d", "globalAveragePool", "flatten", "linear",
      ])
    #expect(model.metadata.history.map(\.action).contains("fold-batch-norm"))
  }

  @Test func impossibleSizesTouchNoOutput() throws {
    try AtomicFileWriter.write([1, 2, 3], to: output)
    for size in ["0", "32769", "-1", "99999999999999999999", "0x5"] {
      let call = Call("adapt", input, "--to", size, "-o", output)
      #expect(call.status == 1 && call.error.contains("from 1 to 32768"), "\(size): \(call.error)")
      #expect(try MappedFile.open(output).array == [1, 2, 3])
    }
    #expect(Call("adapt", input, "--to", "abc", "-o", output).status == 2)
    #expect(folder.names == ["in.bin", "out.bin"])
  }

  @Test func printsGraphsOnStandardError() throws {
    let call = Call("adapt", input, "-o", output, "--print-ir-after", "all", "--time-passes")
    #expect(call.error.contains("// after fold-batch-norm\ngraph @small {"))
    #expect(!call.output.contains("graph @") && call.output.contains("ms"))
    let typo = Call("adapt", input, "-o", output, "--print-ir-after", "fold-batchnorm")
    #expect(typo.status == 2 && typo.error.contains("did you mean `fold-batch-norm`?"))
    #expect(Call("adapt", input, "-o", output, "--passes", "canonicalise").status == 2)
    let order = Call("adapt", input, "-o", output, "--passes", "fuse-conv-activation,fold-batch-norm")
    #expect(order.status == 1 && order.error.contains("expected fold-batch-norm before fuse-conv-activation"))
  }

  @Test func inputAndOutputMayBeOneFile() throws {
    let call = Call("adapt", input, "-o", input, "--to", "48", "--verify")
    #expect(call.status == 0, "\(call.error)")
    #expect(try ModelFile.open(input).graph.resolution == Extent(48, 48))
    #expect(folder.names == ["in.bin"])
  }

  @Test func inspectShowsWhatAdaptDid() throws {
    _ = Call("adapt", input, "-o", output, "--to", "64", "--quiet")
    let call = Call("inspect", output, "--json")
    #expect(call.json["input"] == "f32[N,3,64,64]")
    #expect(
      call.json["history"]?.arrayValue?.compactMap { $0["action"]?.stringValue }.contains(
        "retarget-resolution") == true)
    let layers = call.json["layers"]?.arrayValue ?? []
    #expect(layers.first?["name"] == "relu" && layers.first?["operation"] == "conv2d")
    let parameters = layers.compactMap { $0["parameters"]?.integerValue }.reduce(0, +)
    #expect(call.json["parameters"]?.integerValue == parameters)
    // Three 3x3 convolutions with biases, and the classifier.
    #expect(parameters == 8 * 27 + 8 + 2 * (8 * 72 + 8) + 5 * 8 + 5)
    #expect(Call("inspect", output).output.contains("retarget-resolution: from 32, to 64"))
    #expect(Call("inspect", output, "--ir").output.hasPrefix("graph @small {"))
  }
}
