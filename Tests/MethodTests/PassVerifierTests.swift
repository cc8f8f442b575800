import FixresBase
import FixresIR
import FixresMethod
import FixresPasses
import TestSupport
import Testing

/// Wrong passes, planted, and the right ones.
@Suite struct PassVerifierTests {
  /// A pass that scales every constant whose name ends so.
  private struct Scaling: Pass {
    let name = "scaling"
    let summary = "a wrong pass"
    let suffix: String
    let factor: Float

    func run(_ context: inout PassContext) throws(PassError) {
      for name in context.constants.names where name.hasSuffix(suffix) {
        guard let old = context.constants[name], context.permitsRewrite() else { continue }
        context.constants[name] = Tensor(shape: old.shape, old.floats.map { $0 * factor })
      }
    }
  }

  /// A pass that leaves out the sum of a residual block.
  private struct LosingResiduals: Pass {
    let name = "losing-residuals"
    let summary = "a wrong pass"

    func run(_ context: inout PassContext) throws(PassError) {
      let graph = context.rewriter.finish()
      for id in graph.nodeIDs {
        guard case .add = graph[id].op, context.permitsRewrite() else { continue }
        context.rewriter.replaceUses(of: graph[id].result, with: graph[id].operands[0])
        context.rewriter.erase(id)
      }
    }
  }

  private func verify(
    _ passes: [any Pass], on model: Model, usualMacs: Int = 1 << 31
  ) throws -> PassVerifier {
    let verifier = PassVerifier(usualMacs: usualMacs)
    var options = PassOptions()
    options.reportsNetworks = true
    var driver = PassDriver(options) { event in
      if case .changed(let pass, let before, let after) = event {
        verifier.verify(pass, before: before, after: after)
      }
    }
    _ = try driver.run(passes, on: model)
    return verifier
  }

  @Test func plantedPassesAreFound() throws {
    let model = try SmallModel.residual()
    let planted: [(any Pass, String)] = [
      (Scaling(suffix: "bn1.weight", factor: 1.001), "bn1"), (Scaling(suffix: "fc.bias", factor: -1), "fc"),
      (LosingResiduals(), "layer1.0.relu2"), (Scaling(suffix: "conv1.weight", factor: .infinity), "conv1"),
    ]
    for (pass, layer) in planted {
      let verifier = try verify([pass], on: model)
      guard case .passFailed(pass.name, let found, _, let difference, let limit) = verifier.failure else {
        Issue.record("\(pass.name): \(String(describing: verifier.failure))")
        continue
      }
      #expect(found == layer && !(difference <= limit), "\(pass.name)")
    }
    // What rounding explains passes.
    #expect(try verify([Scaling(suffix: "fc.bias", factor: 1.000_001)], on: model).failure == nil)
  }

  /// Every pass of the pipeline, on random networks and to other sizes.
  @Test(arguments: 0..<12 as Range<UInt64>) func rightPassesPass(_ seed: UInt64) throws {
    let model = try RandomNetwork.make(seed: seed)
    let size = model.graph.resolution
    for target in [nil, Extent(size.height + 16, size.width + 16)] {
      guard let pipeline = try? Pipeline(nil, to: target) else { continue }
      let verifier: PassVerifier
      do { verifier = try verify(pipeline.passes, on: model) } catch is PassError { continue }
      #expect(verifier.failure == nil, "seed \(seed): \(String(describing: verifier.failure))")
      #expect(!verifier.verifications.isEmpty && verifier.unverified.isEmpty, "seed \(seed)")
      #expect(verifier.verifications.allSatisfy { $0.firstDeparture == nil }, "seed \(seed)")
    }
  }

  /// The whole call, and a network too large for its own size.
  @Test func adaptationReportsEachPass() throws {
    var options = AdaptationOptions()
    options.verifiesPasses = true
    options.resolution = Extent(square: 48)
    let result = try Adaptation(try SmallModel.residual(), options: options).run()
    let rewritten = result.passes.filter { $0.rewrites > 0 }.map(\.name)
    #expect(result.verifications.map(\.pass) == rewritten && rewritten.count > 2)
    let large = try SmallModel.residual(side: 256)
    let verifier = try verify([Scaling(suffix: "fc.bias", factor: 2)], on: large, usualMacs: 1 << 22)
    guard case .passFailed(_, _, let resolution, _, _) = verifier.failure else {
      Issue.record("\(String(describing: verifier.failure))")
      return
    }
    #expect((32..<256).contains(resolution.height))
  }
}
