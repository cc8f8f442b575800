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
    .leakyRelu(.init(slope: 0.1)): [
      (-2, -0.20000000298023224), (-0.5, -0.05000000074505806), (0, 0), (3, 3),
    ],
    .leakyRelu(.init(slope: 0)): [(-2, 0), (0, 0), (3, 3)],
    .silu(.init()): [
      (-12, -7.373009522657661e-05), (-8, -0.002682801043731825), (-2.5, -0.18964545005310887),
      (-1, -0.2689414213699951), (-0.125, -0.05859882832828047), (0, 0), (0.5, 0.3112296656009273),
      (2, 1.7615941559557646), (6.5, 6.490242315331209), (30, 29.999999999997197), (1e30, 1e30),
    ],
    .mish(.init()): [
      (-12, -7.373032173186587e-05), (-8, -0.002683250882546538), (-2.5, -0.19681620390653337),
      (-1, -0.30340146137410895), (-0.125, -0.06997990718000248), (0, 0), (0.5, 0.3752452113048951),
      (2, 1.9439589595339946), (6.5, 6.499970703939837), (30, 30), (1e30, 1e30),
    ],
    .gelu(.init(form: .erf)): [
      (-12, -2.1317785344932424e-32), (-8, -4.9767684594174555e-15), (-2.5, -0.015524163314440348),
      (-1, -0.15865525393145707), (-0.125, -0.056282721896235885), (0, 0), (0.5, 0.34573123063700656),
      (2, 1.9544997361036416), (6.5, 6.49999999973896), (30, 30), (1e30, 1e30),
    ],
    .gelu(.init(form: .tanh)): [
      (-8, -3.107782937501113e-21), (-2.5, -0.01508426608999857), (-1, -0.15880800939172326),
      (-0.125, -0.05628280137577661), (0, 0), (0.5, 0.34571400982514394), (2, 1.9545976940877752),
      (6.5, 6.499999999999372), (30, 30), (1e30, 1e30),
    ],
    .clamp(.init(low: 0, high: 1.5)): [(-2, 0), (0, 0), (1.25, 1.25), (1.5, 1.5), (7, 1.5), (1e30, 1.5)],
    .clamp(.init(low: -0.5, high: 2)): [(-2, -0.5), (-0.25, -0.25), (1, 1), (7, 2)],
    .hardSigmoid(.init()): [
      (-8, 0), (-2.5, 0.08333333333333333), (-1, 0.3333333333333333), (-0.125, 0.4791666666666667), (0, 0.5),
      (0.5, 0.5833333333333334), (2, 0.8333333333333334), (6.5, 1), (1e30, 1),
    ],
    .tanh(.init()): [
      (-8, -0.9999997749296758), (-2.5, -0.9866142981514303), (-1, -0.7615941559557649),
      (-0.125, -0.1243530017715962), (0, 0), (0.5, 0.46211715726000974), (2, 0.9640275800758169), (30, 1),
    ],
    .erf(.init()): [
      (-8, -1), (-2.5, -0.999593047982555), (-1, -0.8427007929497149), (-0.125, -0.1403162048013338), (0, 0),
      (0.5, 0.5204998778130465), (2, 0.9953222650189527), (30, 1),
    ],
    .softplus(.init()): [
      (-12, 6.144193477732806e-06), (-8, 0.00033540637289576885), (-2.5, 0.07888973429254963),
      (-1, 0.31326168751822286), (-0.125, 0.6325990353171691), (0, 0.6931471805599453),
      (0.5, 0.9740769841801067), (2, 2.1269280110429727), (6.5, 6.501502310159754), (30, 30), (1e30, 1e30),
    ],
    .scalarAffine(.init(scale: 0.5, offset: 0.25)): [(-3, -1.25), (0, 0.25), (4, 2.25)],
    .scalarAffine(.init(scale: -2, offset: 1)): [(-3, 7), (0, 1), (4, -7)],
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
