import FixresBase
import FixresIR
import FixresRuntime
import TestSupport
import Testing

/// Element-wise operations: the formula against known values, and one result from all that evaluate it.
@Suite struct ElementwiseTests {
  /// Results in float64 from numpy, by its own formulas; an operation without an entry fails.
  private static let known: [Op: [(x: Float, y: Double)]] = [
    .relu(.init()): [(-2, 0), (-0.5, 0), (0, 0), (0.75, 0.75), (1e30, 1e30)],
    .sigmoid(.init()): [
      (-80, 1.8048513878454153e-35), (-2, 0.11920292202211755), (0, 0.5), (0.5, 0.6224593312018546), (30, 1),
    ],
    .scalarAffineClamp(.init(scale: 1.5, offset: -0.125)): [
      (-1, 0), (0, 0), (0.0625, 0), (0.5, 0.625), (4, 5.875),
    ],
    .hardSwish(.init()): [
      (-4, 0), (-3, 0), (-2.5, -0.20833333333333334), (-1, -0.3333333333333333), (0, 0),
      (0.5, 0.2916666666666667), (2, 1.6666666666666667), (3, 3), (1e30, 1e30),
    ],
    .scalarAffineClamp(.init(scale: 0.75, offset: 0.25)): [(-1, 0), (0, 0), (0.5, 0.625), (4, 3.25)],
  ]

  @Test(arguments: OpSample.elementwise) func formulasGiveKnownValues(sample: OpSample) throws {
    let values = try #require(Self.known[sample.op], "no known values of \(sample.op)")
    let operand = ReferenceValue(dims: [1, values.count], elements: values.map(\.x))
    let found = ReferenceInterpreter.evaluate(sample.op, [operand], batched: true).elements
    for (value, found) in zip(values, found) {
      #expect((Double(found) - value.y).magnitude <= value.y.magnitude * 6e-8, "\(sample.op) at \(value.x)")
    }
  }

  private static let special: [Float] = [
    .nan, .infinity, -.infinity, 0, -0.0, .leastNonzeroMagnitude, -.leastNonzeroMagnitude,
    .leastNormalMagnitude, .greatestFiniteMagnitude, -.greatestFiniteMagnitude, 1, -1, 3, -3, 6, -6, 88.8,
    -88.8,
    104, -104, 1e30, -1e30,
  ]

  /// Gaussian values, every third one a special value where `hasSpecial`.
  static func elements(_ count: Int, seed: UInt64, hasSpecial: Bool = true) -> [Float] {
    var random = SeededRandom(seed: seed)
    return (0..<count).map { index in
      hasSpecial && index % 3 == 0 ? special[index / 3 % special.count] : Float(random.nextGaussian() * 4)
    }
  }

  private static let shapes: [TensorType] = [
    .image(1, 1, 1), .image(3, 4, 5), .image(8, 3, 1), .image(17, 2, 3), .image(33, 7, 7),
  ]

  /// What `instructionSet` makes of `input` as the value `sample`, in place where the engine can.
  private static func run(
    _ op: Op, _ shape: TensorType, _ input: [Float], on instructionSet: String
  ) throws -> [Float] {
    var builder = GraphBuilder(name: op.mnemonic)
    let picture = try builder.input("input", shape)
    let result = try builder.append(op, [picture], name: "sample")
    let flat = try builder.append(.flatten(.init()), [result], name: "flat")
    try builder.output(GraphOutput.logits, flat)
    let model = try Model(
      graph: builder.build(), constants: Constants(), metadata: ModelMetadata(architecture: "one layer"))
    var options = SessionOptions(threads: 2, maximumBatch: 2)
    options.instructionSet = instructionSet
    return try Session(model: model, options: options).run(input).logits
  }

  @Test(arguments: OpSample.elementwise, InstructionSet.available)
  func enginesAgreeWithTheReference(sample: OpSample, instructionSet: String) throws {
    for (index, shape) in Self.shapes.enumerated() {
      let input = Self.elements(2 * shape.elementCount, seed: UInt64(index))
      let found = try Self.run(sample.op, shape, input, on: instructionSet)
      let operand = ReferenceValue(dims: [2] + shape.dims, elements: input)
      let expected = ReferenceInterpreter.evaluate(sample.op, [operand], batched: true).elements
      for (position, (a, b)) in zip(found, expected).enumerated() {
        let isClose = a.isNaN ? b.isNaN : a == b || (a - b).magnitude <= 3e-7 * b.magnitude + 1e-35
        #expect(isClose, "\(sample.op) at \(input[position]): \(a), not \(b), on \(instructionSet), \(shape)")
      }
      #expect(found.count == expected.count)
    }
  }

  /// All engines use one step, so their bits are equal.
  @Test(arguments: OpSample.elementwise, InstructionSet.available)
  func enginesGiveTheSameBits(sample: OpSample, instructionSet: String) throws {
    for (index, shape) in Self.shapes.enumerated() {
      let input = Self.elements(2 * shape.elementCount, seed: UInt64(index))
      let portable = try Self.run(sample.op, shape, input, on: "portable").map(\.bitPattern)
      let found = try Self.run(sample.op, shape, input, on: instructionSet).map(\.bitPattern)
      #expect(found == portable, "\(shape)")
    }
  }

  /// Unused lanes of a channel block hold any finite number and have to stay finite; a NaN stays a NaN.
  @Test(arguments: OpSample.elementwise) func finiteStaysFinite(sample: OpSample) {
    let elements = Self.elements(3000, seed: 9).map { $0.isFinite ? min(max($0, -1e30), 1e30) : .nan }
    let operand = ReferenceValue(dims: [1, elements.count], elements: elements)
    let found = ReferenceInterpreter.evaluate(sample.op, [operand], batched: true).elements
    for (x, y) in zip(elements, found) { #expect(x.isNaN ? y.isNaN : y.isFinite, "\(sample.op) at \(x)") }
  }

  /// Rows of any length, at any address, in place and not.
  @Test(arguments: OpSample.elementwise, 0..<9)
  func rowsOfAnyLength(sample: OpSample, count: Int) throws {
    guard case .elementwise(let op) = sample.op.computation else {
      Issue.record("\(sample.op) is not element-wise")
      return
    }
    let source = Self.elements(count + 1, seed: 3)
    let expected = ReferenceInterpreter.evaluate(
      sample.op, [ReferenceValue(dims: [1, count], elements: Array(source[1...]))], batched: true
    ).elements
    var (target, inPlace) = ([Float](repeating: 7, count: count + 2), source)
    source.withUnsafeBufferPointer { source in
      target.withUnsafeMutableBufferPointer { target in
        guard let source = source.baseAddress, let target = target.baseAddress else { return }
        op.apply(source + 1, to: target + 1, count: count)
      }
    }
    inPlace.withUnsafeMutableBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      op.apply(base + 1, to: base + 1, count: count)
    }
    #expect(target.first == 7 && target.last == 7)
    #expect(inPlace[0].bitPattern == source[0].bitPattern)
    for (index, expected) in expected.enumerated() {
      for found in [target[index + 1], inPlace[index + 1]] {
        #expect(
          found.isNaN
            ? expected.isNaN
            : found == expected || (found - expected).magnitude <= 3e-7 * expected.magnitude + 1e-35)
      }
    }
  }
}
