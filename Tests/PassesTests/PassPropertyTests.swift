import FixresBase
import FixresIR
import FixresPasses
import FixresRuntime
import TestSupport
import Testing

/// Every pass, alone and in the pipeline, keeps what random networks compute, by the reference interpreter.
@Suite struct PassPropertyTests {
  /// A pass may round anew, so outputs may differ by a few units in the last place of their magnitude.
  static let tolerance: Float = 2e-5

  static func outputs(_ model: Model, seed: UInt64) throws -> [String: ReferenceValue] {
    var random = SeededRandom(seed: seed ^ 0xDA7A)
    let count = model.graph.imageInput?.type.elementCount ?? 0
    let input = (0..<2 * count).map { _ in Float(random.nextGaussian()) }
    let run = try ReferenceInterpreter(model, input: input, batch: 2)
    var values: [String: ReferenceValue] = [:]
    for output in model.graph.outputs { values[output.name] = run.output(output.name) }
    return values
  }

  static func expectSame(
    _ a: [String: ReferenceValue], _ b: [String: ReferenceValue], _ what: String, exactly: Bool = false
  ) {
    #expect(a.keys.sorted() == b.keys.sorted(), "\(what)")
    for (name, x) in a {
      guard let y = b[name], x.dims == y.dims else {
        Issue.record("\(what): output \(name) differs in shape")
        continue
      }
      let magnitude = x.elements.map(\.magnitude).max() ?? 0
      let worst = zip(x.elements, y.elements).map { ($0 - $1).magnitude }.max() ?? 0
      #expect(magnitude.isFinite, "\(what): \(name) tells nothing")
      #expect(
        worst <= (exactly ? 0 : tolerance * max(magnitude, 1e-3)),
        "\(what): \(name), \(worst) of \(magnitude)")
    }
  }

  /// Networks whose outputs are all 0, or the same for two pictures, would prove nothing.
  @Test func randomNetworksTellPicturesApart() throws {
    var telling = 0
    for seed in UInt64(0)..<100 {
      let logits = try Self.outputs(try RandomNetwork.make(seed: seed), seed: seed)[GraphOutput.logits]
      let elements = try #require(logits).elements
      let half = elements.count / 2
      if elements[..<half] != elements[half...] { telling += 1 }
    }
    #expect(telling >= 90)
  }

  @Test(arguments: Pipeline.defaultNames) func passKeepsTheOutputs(name: String) throws {
    var fired = 0
    // Passes that look for folded convolutions see networks that have been folded.
    let isFusion = name.hasPrefix("fuse")
    for seed in UInt64(0)..<60 {
      var model = try RandomNetwork.make(seed: seed)
      if isFusion { model = try Adapt.run(model, passes: ["canonicalize", "fold-batch-norm"]).model }
      let result = try Adapt.run(model, passes: [name])
      fired += result.passes[0].rewrites > 0 ? 1 : 0
      let isExact = ["eliminate-dead-nodes", "fuse-conv-activation"].contains(name)
      Self.expectSame(
        try Self.outputs(model, seed: seed), try Self.outputs(result.model, seed: seed),
        "\(name), seed \(seed)",
        exactly: isExact)
    }
    #expect(fired > 5 || name == "retarget-resolution")
  }

  @Test(arguments: UInt64(0)..<150) func pipelineKeepsTheOutputs(seed: UInt64) throws {
    let model = try RandomNetwork.make(seed: seed, layers: 10, oddNames: seed % 3 == 0)
    var options = PassOptions()
    options.verifyEach = true
    let result = try Adapt.run(model, options: options).model
    Self.expectSame(
      try Self.outputs(model, seed: seed), try Self.outputs(result, seed: seed), "seed \(seed)")
    let again = try Adapt.run(result)
    #expect(again.model == result, "seed \(seed): a second run changes nothing")
    #expect(again.passes.allSatisfy { $0.rewrites == 0 }, "seed \(seed): \(again.passes)")
    #expect(try GraphParser.parse(GraphPrinter.text(of: result.graph)) == result.graph)
  }

  /// Stopping after any number of rewrites leaves a sound network that computes the same.
  @Test(arguments: UInt64(0)..<25) func everyPrefixOfTheRewritesIsSound(seed: UInt64) throws {
    let model = try RandomNetwork.make(seed: seed)
    let expected = try Self.outputs(model, seed: seed)
    let total = try Adapt.run(model).passes.reduce(0) { $0 + $1.rewrites }
    for limit in 0...total {
      var options = PassOptions()
      options.stopAfterRewrites = limit
      options.verifyEach = true
      let result = try Adapt.run(model, options: options)
      #expect(result.passes.reduce(0) { $0 + $1.rewrites } == limit)
      if limit == 0 { #expect(result.model == model) }
      Self.expectSame(
        expected, try Self.outputs(result.model, seed: seed), "seed \(seed), after \(limit) rewrites")
    }
  }

  /// Retargeting and then adapting gives what adapting and then retargeting gives.
  @Test(arguments: UInt64(0)..<40) func sizeAndFoldingAreIndependent(seed: UInt64) throws {
    let model = try RandomNetwork.make(seed: seed)
    let target = Extent(18 + Int(seed % 5), 20 + Int(seed % 3))
    let once = try Adapt.run(model, to: target).model
    let folded = try Adapt.run(model).model
    let twice = try Adapt.run(folded, to: target).model
    #expect(once.graph.resolution == target)
    #expect(GraphPrinter.text(of: once.graph) == GraphPrinter.text(of: twice.graph), "seed \(seed)")
    #expect(once.constants == twice.constants, "seed \(seed)")
    let back = try Adapt.run(twice, to: model.graph.resolution).model
    #expect(back.graph == folded.graph && back.constants == folded.constants, "seed \(seed)")
  }
}
