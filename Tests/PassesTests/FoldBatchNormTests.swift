import FixresIR
import FixresPasses
import TestSupport
import Testing

@Suite struct FoldBatchNormTests {
  /// One convolution `[O, I/g, k, k]` and its batch norm.
  private func network(
    outputs: Int, inputs: Int, kernel: Int, groups: Int = 1, hasBias: Bool = false, epsilon: Double = 1e-5
  ) throws -> Graph {
    var builder = GraphBuilder(name: "g")
    let input = try builder.input("input", .image(inputs, 8, 8))
    var operands = [
      input, try builder.constant("conv.weight", shape: [outputs, inputs / groups, kernel, kernel]),
    ]
    if hasBias { operands.append(try builder.constant("conv.bias", shape: [outputs])) }
    let conv = Conv2D(padding: Padding(kernel / 2), groups: groups, hasBias: hasBias)
    var norm = [try builder.append(.conv2d(conv), operands, name: "conv")]
    for leaf in ["weight", "bias", "running_mean", "running_var"] {
      norm.append(try builder.constant("bn.\(leaf)", shape: [outputs]))
    }
    let x = try builder.append(.batchNorm(.init(epsilon: epsilon)), norm, name: "bn")
    let pool = try builder.append(.globalAveragePool(.init()), [x], name: "pool")
    try builder.output(GraphOutput.logits, try builder.append(.flatten(.init()), [pool], name: "flat"))
    return builder.build()
  }

  private func fold(_ model: Model) throws -> Model {
    try Adapt.run(model, passes: ["fold-batch-norm"]).model
  }

  /// Sizes below and above what one thread takes at once, odd ones among them.
  @Test(arguments: [
    (5, 3, 3, 1, true), (64, 64, 3, 1, false), (257, 131, 3, 1, true), (512, 512, 1, 1, false),
    (6, 6, 3, 3, true),
    (1, 1, 1, 1, false),
  ]) func isScalarDoubleToTheBit(outputs: Int, inputs: Int, kernel: Int, groups: Int, hasBias: Bool) throws {
    let epsilon = 1e-3
    let graph = try network(
      outputs: outputs, inputs: inputs, kernel: kernel, groups: groups, hasBias: hasBias, epsilon: epsilon)
    let model = try Model.random(graph, seed: 11)
    let folded = try fold(model)
    let values = { (name: String) in model.constants[name]?.floats ?? [] }
    let (gamma, beta, mean, variance) = (
      values("bn.weight"), values("bn.bias"), values("bn.running_mean"), values("bn.running_var")
    )
    let old = hasBias ? values("conv.bias") : [Float](repeating: 0, count: outputs)
    let row = inputs / groups * kernel * kernel
    var weight = values("conv.weight")
    var bias: [Float] = []
    for channel in 0..<outputs {
      let spread = Double(variance[channel]) + epsilon
      let scale = Double(gamma[channel]) / spread.squareRoot()
      for index in channel * row..<(channel + 1) * row {
        weight[index] = Float(Double(weight[index]) * scale)
      }
      let shift = Double(beta[channel]) - Double(mean[channel]) * scale
      bias.append(Float(Double(old[channel]) * scale + shift))
    }
    #expect(folded.constants["conv.weight"]?.floats == weight)
    #expect(folded.constants["conv.bias"]?.floats == bias)
    #expect(folded.constants["conv.weight"]?.shape == [outputs, inputs / groups, kernel, kernel])
    #expect(model.constants["conv.weight"]?.floats == values("conv.weight"), "the source is never written")
    #expect(folded.metadata.history.map(\.action) == ["fold-batch-norm"])
  }

  @Test func namesTheTensorThatOverflows() throws {
    var model = try Model.random(network(outputs: 4, inputs: 3, kernel: 1), seed: 1)
    try model.setConstant("bn.weight", to: Tensor(shape: [4], [1, 1, 3e38, 1]))
    try model.setConstant("bn.running_var", to: Tensor(shape: [4], [1, 1, 1e-12, 1]))
    #expect(
      throws: PassError.foldedToNonFinite(
        tensor: "conv.weight", layer: "bn", count: 3, sourceIsFinite: true)
    ) { try fold(model) }
  }

  @Test func namesTheTensorThatWasNotFinite() throws {
    var model = try Model.random(network(outputs: 4, inputs: 3, kernel: 1), seed: 1)
    var weight = model.constants["conv.weight"]?.floats ?? []
    weight[7] = .nan
    weight[8] = .infinity
    try model.setConstant("conv.weight", to: Tensor(shape: [4, 3, 1, 1], weight))
    #expect(
      throws: PassError.foldedToNonFinite(
        tensor: "conv.weight", layer: "bn", count: 2, sourceIsFinite: false)
    ) { try fold(model) }
    for name in ["bn.weight", "bn.bias", "bn.running_mean"] {
      var bent = try Model.random(model.graph, seed: 1)
      try bent.setConstant(name, to: Tensor(shape: [4], [1, .nan, 1, -.infinity]))
      #expect(throws: PassError.nonFiniteParameter(tensor: name, layer: "bn", count: 2)) { try fold(bent) }
    }
  }

  @Test func refusesVariancesWithoutARoot() throws {
    let graph = try network(outputs: 3, inputs: 3, kernel: 1, epsilon: 1e-5)
    for (value, isFine): (Float, Bool) in [
      (-1e-6, true), (0, true), (-1e-4, false), (.nan, false), (.infinity, false), (-.infinity, false),
      (.leastNonzeroMagnitude, true),
    ] {
      var model = try Model.random(graph, seed: 2)
      try model.setConstant("bn.running_var", to: Tensor(shape: [3], [1, value, 1]))
      if isFine {
        let result = try Adapt.run(model)
        let expected: [PassNote] =
          value < 0 ? [.negativeVariance(tensor: "bn.running_var", count: 1)] : []
        #expect(result.notes == expected)
      } else {
        let error = #expect(throws: PassError.self) { try fold(model) }
        guard case .variance(tensor: "bn.running_var", channel: 1, value: _, epsilon: 1e-5) = error else {
          Issue.record("\(value): \(String(describing: error))")
          continue
        }
      }
    }
    var flat = try Model.random(network(outputs: 3, inputs: 3, kernel: 1, epsilon: 0), seed: 2)
    try flat.setConstant("bn.running_var", to: Tensor(shape: [3], [1, 0, 1]))
    #expect(throws: PassError.variance(tensor: "bn.running_var", channel: 1, value: 0, epsilon: 0)) {
      try fold(flat)
    }
  }

  @Test func gammaZeroIsLegal() throws {
    var model = try Model.random(network(outputs: 3, inputs: 3, kernel: 1), seed: 2)
    try model.setConstant("bn.weight", to: Tensor(shape: [3], [0, 0, 0]))
    let folded = try fold(model)
    #expect(folded.constants["conv.weight"]?.floats.allSatisfy { $0 == 0 } == true)
    #expect(folded.constants["conv.bias"]?.floats == model.constants["bn.bias"]?.floats)
  }

  @Test func warnsOfWhatNoPassChecks() throws {
    var builder = GraphBuilder(name: "g")
    let input = try builder.input("input", .image(2, 2, 2))
    let pool = try builder.append(.globalAveragePool(.init()), [input], name: "pool")
    let flat = try builder.append(.flatten(.init()), [pool], name: "flat")
    let weight = try builder.constant("fc.weight", shape: [3, 2])
    try builder.output(
      GraphOutput.logits, try builder.append(.linear(.init(hasBias: false)), [flat, weight], name: "fc"))
    var model = try Model.random(builder.build(), seed: 1)
    #expect(try Adapt.run(model).notes == [])
    try model.setConstant("fc.weight", to: Tensor(shape: [3, 2], [1, .nan, 1, 1, .infinity, 1]))
    #expect(try Adapt.run(model).notes == [.nonFinite(tensor: "fc.weight", count: 2)])
  }
}
