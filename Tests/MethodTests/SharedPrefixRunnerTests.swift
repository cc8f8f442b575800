import FixresBase
import FixresIR
import FixresMethod
import FixresPasses
import FixresRuntime
import TestSupport
import Testing

/// Networks in parts give what whole ones give, and common parts run once.
@Suite struct SharedPrefixRunnerTests {
  /// Without Winograd, whose rounding a gated network multiplies.
  private static let options = SessionOptions(isExact: true)

  @Test(arguments: ["resnet18", "resnet50", "resnet50d", "seresnet50", "resnet20", "resnext50"])
  func partsGiveWhatTheWholeGives(name: String) throws {
    let model = try Model.syntheticResNet(name, side: 48)
    let input = try NoiseInput.make(for: model.graph, batch: 2)
    let whole = try Session(model: Trunk.ready(model), options: Self.options).run(input).logits
    var runner = SharedPrefixRunner(input: input, batch: 2, options: Self.options)
    let parts = try runner.scores(of: model)
    // Gates multiply rounding; a wrong part is off by 1e-2 at least.
    #expect(ReferenceTrial.noise(parts, from: whole) < 1e-4)
    #expect(runner.partCount >= 5)
  }

  @Test func aCommonBeginningRunsOnce() throws {
    let model = try Model.syntheticResNet("resnet18", side: 48)
    let input = try NoiseInput.make(for: model.graph)
    var runner = SharedPrefixRunner(input: input, batch: 1, options: Self.options)
    let first = try runner.scores(of: model)
    let count = runner.partCount
    #expect(try runner.scores(of: model) == first && runner.partCount == count, "nothing is run again")
    // Another head: the pool and what follows it differ.
    var rewriter = Rewriter(model.graph)
    let pool = try #require(
      rewriter.nodeIDs.first { if case .globalAveragePool = rewriter[$0].op { true } else { false } })
    try rewriter.update(pool, op: .globalMaxPool(.init()), operands: rewriter[pool].operands)
    let other = try Model(
      graph: rewriter.finish(), constants: model.constants, metadata: model.metadata)
    let found = try runner.scores(of: other)
    #expect(found != first && runner.partCount == count + 2)
    #expect(
      ReferenceTrial.noise(
        found, from: try Session(model: Trunk.ready(other), options: Self.options).run(input).logits) < 1e-5)
  }
}
