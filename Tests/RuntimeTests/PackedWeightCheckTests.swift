import FixresBase
import FixresIR
import FixresRuntime
import TestSupport
import Testing

/// Packed weights against what the constants give.
@Suite struct PackedWeightCheckTests {
  private static func packed(_ instructionSet: String, groups: Int, isExact: Bool) throws -> Model {
    var model = try bottleneckNetwork(
      seed: 5, resolution: Extent(45, 38), blocks: [1, 2, 1, 1], width: 40, groups: groups,
      groupWidth: groups == 1 ? 64 : groups == 2 ? 20 : 4, classes: 33)
    var options = SessionOptions(threads: 2, isExact: isExact)
    options.instructionSet = instructionSet
    model.packedConstants = try Session(model: model, options: options).packedConstants(of: model)
    return model
  }

  /// By the definition of each layout, weights of every arrangement that kernels choose come out the same.
  @Test(arguments: PackedWeightsTests.kernelSets, [1, 2, 32])
  func rightWeightsAreFoundRight(instructionSet: String, groups: Int) throws {
    var kinds: Set<Substring> = []
    for isExact in [false, true] {
      let model = try Self.packed(instructionSet, groups: groups, isExact: isExact)
      #expect(!model.packedConstants.isEmpty)
      try PackedWeightCheck.verify(model)
      for entry in model.packedConstants { kinds.formUnion(entry.layout.split(separator: " ").prefix(1)) }
    }
    #expect(kinds.contains("direct"))
    #expect(groups == 1 ? kinds.contains { $0.hasPrefix("winograd") } : true, "\(kinds)")
  }

  @Test(arguments: PackedWeightsTests.kernelSets, [1, 32])
  func oneWrongBitOfAnyIsFound(instructionSet: String, groups: Int) throws {
    let model = try Self.packed(instructionSet, groups: groups, isExact: false)
    var random = SeededRandom(seed: 17)
    for (index, entry) in model.packedConstants.enumerated() {
      var wrong = model
      var elements = entry.elements.floats
      let place = random.nextInt(in: 0..<elements.count)
      elements[place] = Float(
        bitPattern: elements[place].bitPattern ^ 1 << UInt32(random.nextInt(in: 0..<32)))
      wrong.packedConstants[index] = try replaced(entry, in: model, elements: elements)
      #expect(throws: RuntimeError.packedWeights(name: entry.constant, layout: entry.layout), "seed 17") {
        try PackedWeightCheck.verify(wrong)
      }
      var options = SessionOptions(verifiesPackedWeights: true)
      options.instructionSet = instructionSet
      #expect(throws: RuntimeError.self) { try Session(model: wrong, options: options) }
    }
  }

  private func replaced(
    _ entry: PackedConstant, in model: Model, layout: String? = nil, elements: [Float]? = nil
  ) throws -> PackedConstant {
    let values = elements ?? entry.elements.floats
    return PackedConstant(
      constant: entry.constant, layout: layout ?? entry.layout,
      elements: Tensor(shape: [values.count], values),
      source: try #require(model.constants[entry.constant]))
  }

  /// Layouts that are none, or not of such weights, do not stand for any.
  @Test(arguments: [
    "", "direct", "direct 16x1", "direct 16x1, inputs by 16, groups 0", "direct 16x1, inputs by 0, groups 1",
    "direct 16x9, inputs by 16, groups 1", "direct 7x1, inputs by 16, groups 1",
    "direct 16x1, inputs by 99999999999999999999, groups 1",
    "direct 16x1, inputs by 16, groups 9223372036854775807",
    "direct +16x1, inputs by 16, groups 1", "winograd9 16x1", "winograd4 16x0", "winograd4 16",
    "narrow groups 3",
    "narrow groups", "transposed", "polyphase2 8x1 ",
  ])
  func otherLayoutsAreRefused(layout: String) throws {
    let set = InstructionSet.available.first { $0 != "portable" } ?? "portable"
    guard set != "portable" else { return #expect(InstructionSet.available == ["portable"]) }
    var model = try Self.packed(set, groups: 1, isExact: false)
    let entry = try #require(model.packedConstants.first)
    model.packedConstants = [try replaced(entry, in: model, layout: layout)]
    #expect(throws: RuntimeError.packedWeights(name: entry.constant, layout: layout)) {
      try PackedWeightCheck.verify(model)
    }
  }
}
