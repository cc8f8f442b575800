import FixresBase
import FixresIR
import FixresPasses
import FixresRuntime
import TestSupport
import Testing

/// Every operation on every instruction set against the reference, and dilated convolutions of all kinds.
@Suite struct OperationTests {
  private static func noise(_ count: Int, seed: UInt64) -> [Float] {
    var random = SeededRandom(seed: seed)
    return (0..<count).map { _ in Float(random.nextGaussian()) }
  }

  private static func expectAgreement(_ model: Model, on instructionSet: String, _ what: String) throws {
    let input = noise(2 * model.graph.inputs.reduce(1) { $0 * model.graph[$1].type.elementCount }, seed: 4)
    let expected = try ReferenceInterpreter(model, input: input, batch: 2)
    var options = SessionOptions(threads: 2, maximumBatch: 2)
    options.instructionSet = instructionSet
    let found = try Session(model: model, options: options).run(input).logits
    let wanted = try #require(expected.output(GraphOutput.logits)).elements
    let scale = wanted.map(\.magnitude).max() ?? 0
    #expect(scale > 0 && found.count == wanted.count, "\(what)")
    for (a, b) in zip(found, wanted) {
      #expect((a - b).magnitude <= 3e-6 * scale, "\(what) on \(instructionSet): \(a), not \(b)")
    }
  }

  @Test(arguments: OpSample.all, InstructionSet.available)
  func enginesAgreeWithTheReference(sample: OpSample, instructionSet: String) throws {
    try Self.expectAgreement(try sample.model(seed: 11), on: instructionSet, "\(sample.op)")
  }

  /// A classifier that reads a flattened map keeps its size.
  private static let resizable = OpSample.all.filter { $0.op.kind != .flatten }

  /// Folded and fused, at another size than the model's.
  @Test(arguments: resizable, InstructionSet.available)
  func adaptedNetworksAgreeWithTheReference(sample: OpSample, instructionSet: String) throws {
    let model = try sample.model(seed: 12)
    let adapted = try Adapt.run(model, to: Extent(10, 9)).model
    let retargeted = try Adapt.run(model, to: Extent(10, 9), passes: ["retarget-resolution"]).model
    let input = Self.noise(3 * 10 * 9, seed: 8)
    let expected = try ReferenceInterpreter(retargeted, input: input, batch: 1).output(GraphOutput.logits)
    let wanted = try #require(expected).elements
    var options = SessionOptions(threads: 1)
    options.instructionSet = instructionSet
    let found = try Session(model: adapted, options: options).run(input).logits
    let scale = wanted.map(\.magnitude).max() ?? 0
    for (a, b) in zip(found, wanted) { #expect((a - b).magnitude <= 3e-6 * scale, "\(sample.op)") }
  }

  /// Channels, groups, kernel, stride and dilation of a convolution.
  struct Kind: Sendable, CustomTestStringConvertible {
    var inputs, outputs: Int
    var groups = 1
    var kernel = Extent(3, 3)
    var stride = 1
    var dilations: Extent
    var testDescription: String { "\(inputs)x\(outputs)/\(groups) \(kernel) /\(stride) dilated \(dilations)" }
  }

  static let kinds = [
    Kind(inputs: 3, outputs: 16, dilations: Extent(2, 2)),
    Kind(inputs: 16, outputs: 16, dilations: Extent(2, 2)),
    Kind(inputs: 32, outputs: 24, stride: 2, dilations: Extent(2, 2)),
    Kind(inputs: 17, outputs: 33, dilations: Extent(4, 4)),
    Kind(inputs: 16, outputs: 16, groups: 16, dilations: Extent(2, 3)),
    Kind(inputs: 32, outputs: 32, groups: 8, stride: 2, dilations: Extent(3, 1)),
    Kind(inputs: 16, outputs: 16, kernel: Extent(1, 5), dilations: Extent(1, 2)),
    Kind(inputs: 8, outputs: 8, kernel: Extent(5, 1), dilations: Extent(2, 1)),
  ]

  @Test(arguments: kinds, InstructionSet.available)
  func dilatedConvolutionsAgreeWithTheReference(kind: Kind, instructionSet: String) throws {
    var builder = GraphBuilder(name: "dilated")
    let input = try builder.input("input", .image(kind.inputs, 13, 11))
    let weight = try builder.constant(
      "weight", shape: [kind.outputs, kind.inputs / kind.groups, kind.kernel.height, kind.kernel.width])
    let bias = try builder.constant("bias", shape: [kind.outputs])
    let op = Conv2D(
      strides: Extent(square: kind.stride),
      padding: Padding(
        top: kind.dilations.height, left: kind.dilations.width, bottom: kind.dilations.height,
        right: kind.dilations.width), groups: kind.groups, hasBias: true, activation: .relu,
      dilations: kind.dilations)
    let result = try builder.append(.conv2d(op), [input, weight, bias], name: "conv")
    try builder.output(
      GraphOutput.logits, try builder.append(.flatten(.init()), [result], name: "flat"))
    let model = try Model.random(builder.build(), seed: 6)
    try Self.expectAgreement(model, on: instructionSet, kind.testDescription)
  }
}
