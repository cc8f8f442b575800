import FixresIR
import FixresPasses
import FixresRuntime
import TestSupport
import Testing

/// Constants that many nodes read: a small file may name a large one in thousands of layers.
@Suite struct SharedConstantTests {
  private static let channels = 512
  private static let layers = 60

  /// `layers` convolutions of one pixel and their batch norms, all with the same megabyte of weights.
  private func convolutions() throws -> Model {
    var builder = GraphBuilder(name: "shared")
    var x = try builder.input("input", .image(Self.channels, 1, 1))
    let weight = try builder.constant("weight", shape: [Self.channels, Self.channels, 1, 1])
    let parameters = try ["gamma", "beta", "mean", "variance"].map {
      try builder.constant($0, shape: [Self.channels])
    }
    for layer in 0..<Self.layers {
      let conv = try builder.append(.conv2d(.init()), [x, weight], name: "conv\(layer)")
      x = try builder.append(.batchNorm(.init(epsilon: 1e-5)), [conv] + parameters, name: "bn\(layer)")
    }
    try builder.output(GraphOutput.features, try builder.append(.flatten(.init()), [x], name: "flat"))
    return try .random(builder.build(), seed: 1)
  }

  /// A megabyte of constants that many nodes make others of.
  private func elementwise() throws -> Model {
    var builder = GraphBuilder(name: "fan")
    let input = try builder.input("input", .image(3, 2, 2))
    let constant = try builder.constant("constant", shape: [1 << 18])
    for node in 0..<Self.layers {
      _ = try builder.append(.relu(.init()), [constant], name: "r\(node)")
    }
    let pool = try builder.append(.globalAveragePool(.init()), [input], name: "pool")
    try builder.output(GraphOutput.features, try builder.append(.flatten(.init()), [pool], name: "flat"))
    return try .random(builder.build(), seed: 2)
  }

  @Test func copiesAreMadeWithinABound() throws {
    let model = try convolutions()
    let folded = try Adapt.run(model, passes: ["fold-batch-norm", "eliminate-dead-nodes"]).model
    let rest = folded.graph.nodes.count {
      if case .batchNorm = $0.op { true } else { false }
    }
    #expect(rest > 0 && rest < Self.layers)
    #expect(folded.constants.byteCount <= 2 * model.constants.byteCount + 32 << 20)
    // Folding rounds each weight once; 60 layers add that up.
    let input = (0..<Self.channels).map { Float($0 % 7) - 3 }
    let expected = try features(model, input)
    let found = try features(folded, input)
    let scale = expected.map(abs).max() ?? 0
    for (a, b) in zip(expected, found) { #expect(abs(a - b) <= 1e-4 * scale) }
  }

  private func features(_ model: Model, _ input: [Float]) throws -> [Float] {
    let run = try ReferenceInterpreter(model, input: input, batch: 1)
    return try #require(run.output(GraphOutput.features)).elements
  }

  @Test func computedConstantsAreMadeWithinABound() throws {
    let model = try elementwise()
    let folded = try Adapt.run(model, passes: ["fold-constants"]).model
    #expect(folded.graph.nodes.count > 2 && folded.graph.nodes.count < Self.layers)
    #expect(folded.constants.byteCount <= 2 * model.constants.byteCount + 32 << 20)
  }
}
