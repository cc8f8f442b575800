import FixresBase
import FixresIR
import FixresPasses
import FixresRuntime
import TestSupport
import Testing

/// Traits say what the reference computes: a claim too many and one forgotten both fail, but for a forgotten
/// `keepsSinglePixel` of an operation that is not element-wise.
@Suite struct OpTraitsTests {
  /// Operands of `sample` for a batch of 2; the first holds nothing below zero where `isNonNegative`, else its second
  /// image nothing above.
  private static func operands(_ sample: OpSample, isNonNegative: Bool) -> [ReferenceValue] {
    var random = SeededRandom(seed: 5)
    return zip(sample.operands, sample.op.definition.operandRoles).enumerated().map { index, operand in
      let (type, role) = operand
      let dims = (type.batched ? [2] : []) + type.dims
      let count = dims.reduce(1, *)
      let elements = (0..<count).map { position in
        let value = Float(random.nextGaussian()) * 2
        if role == .variance || index == 0 && isNonNegative { return abs(value) + 0.01 }
        return index == 0 && position >= count / 2 ? -abs(value) : value
      }
      return ReferenceValue(dims: dims, elements: elements)
    }
  }

  private static func result(_ sample: OpSample, _ operands: [ReferenceValue]) -> ReferenceValue {
    ReferenceInterpreter.evaluate(sample.op, operands, batched: true)
  }

  @Test(arguments: OpSample.all) func valuesAreAsClaimed(sample: OpSample) {
    let traits = sample.op.traits(sample.operands)
    let anyOperands = Self.operands(sample, isNonNegative: false)
    let positive = Self.operands(sample, isNonNegative: true)
    let (result, fromPositive) = (Self.result(sample, anyOperands), Self.result(sample, positive))
    #expect(traits.contains(.isNonNegative) == result.elements.allSatisfy { $0 >= 0 })
    #expect(
      !traits.isDisjoint(with: [.isNonNegative, .keepsSign]) == fromPositive.elements.allSatisfy { $0 >= 0 })
    #expect(traits.contains(.isIdentity) == (result == anyOperands[0]))
    #expect(
      !traits.isDisjoint(with: [.isIdentity, .keepsNonNegative]) == (fromPositive == positive[0]))
  }

  @Test(arguments: OpSample.elementwise) func elementwiseOperationsClaimIt(sample: OpSample) {
    #expect(sample.op.traits(sample.operands).isSuperset(of: .elementwise))
  }

  @Test(arguments: Op.Kind.allCases) func rowsAreKeptAsClaimed(kind: Op.Kind) {
    let row = TensorType.features(5)
    for sample in OpSample.samples(of: kind) where sample.operands.count == 1 {
      let claims = sample.op.traits([row]).contains(.keepsRows)
      guard let type = try? sample.op.inferType([row]) else {
        #expect(!claims)
        continue
      }
      var x = ReferenceValue(dims: [1, 5], elements: [-1.5, -0.25, 0.5, 1, 2])
      let before = ReferenceInterpreter.evaluate(sample.op, [x], batched: true).elements
      x.elements[3] += 1
      let after = ReferenceInterpreter.evaluate(sample.op, [x], batched: true).elements
      let changed = zip(before, after).enumerated().filter { $0.element.0 != $0.element.1 }.map(\.offset)
      #expect(claims == (type == row && changed == [3]), "\(sample.op)")
    }
  }

  private static let keepingPixels = OpSample.all.filter {
    $0.operands[0].isImage && $0.op.traits($0.operands).contains(.keepsSinglePixel)
  }

  /// A single pixel gives a single pixel, from nothing else that depends on the picture.
  @Test(arguments: keepingPixels) func singlePixelsAreKeptAsClaimed(sample: OpSample) throws {
    let pixel = TensorType.image(sample.operands[0].channels, 1, 1)
    let type = try sample.op.inferType([pixel] + sample.operands.dropFirst())
    #expect(type.isImage && type.spatial == Extent(1, 1))
    #expect(sample.operands.count(where: \.batched) == 1)
  }

  /// No pass drops or changes an element-wise operation that does something, at the model's size or at another.
  @Test(arguments: OpSample.elementwise, [nil, Extent(9, 4), Extent(1, 1)])
  func everyPassKeepsElementwiseOperations(sample: OpSample, target: Extent?) throws {
    let model = try sample.model(seed: 7)
    var options = PassOptions()
    options.verifyEach = true
    let adapted = try Adapt.run(model, to: target, options: options).model
    #expect(adapted.graph.nodes.contains { $0.op == sample.op })
    let retargeted = try Adapt.run(model, to: target, passes: ["retarget-resolution"]).model
    PassPropertyTests.expectSame(
      try PassPropertyTests.outputs(retargeted, seed: 7), try PassPropertyTests.outputs(adapted, seed: 7),
      "\(sample.op)")
  }
}
