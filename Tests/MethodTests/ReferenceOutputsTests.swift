import FixresBase
import FixresIR
import FixresMethod
import Testing

/// What the outputs of a reference say, whatever the original program made of its scores.
@Suite struct ReferenceOutputsTests {
  private static let scores: [Float] = {
    var random = SeededRandom(seed: 5)
    return (0..<24).map { _ in Float(random.nextGaussian() * 3) }
  }()

  private static func distance(
    _ outputs: [Float], rows: Int = 2, to scores: [Float] = Self.scores
  ) throws -> ReferenceOutputs.Distance {
    let tensor = Tensor(shape: [rows, outputs.count / rows], outputs)
    return try #require(ReferenceOutputs(tensor)).distance(of: scores)
  }

  private static func softmax(_ scores: [Float], rows: Int) -> [Float] {
    let classes = scores.count / rows
    return (0..<rows).flatMap { row -> [Float] in
      let part = scores[row * classes..<(row + 1) * classes].map { Double($0).exponential }
      let sum = part.reduce(0, +)
      return part.map { Float($0 / sum) }
    }
  }

  private static func nudged(_ scores: [Float], by difference: Float) -> [Float] {
    var changed = scores
    changed[7] += difference
    return changed
  }

  @Test func scoresAreComparedAsTheyAre() throws {
    let exact = try Self.distance(Self.scores)
    #expect(exact.difference == 0 && exact.form == .scores)
    let largest = Self.scores.map(abs).max() ?? 0
    let found = try Self.distance(Self.scores, to: Self.nudged(Self.scores, by: 0.01)).difference
    #expect(abs(found - Double(0.01 / largest)) < 1e-6)
    #expect(try Self.distance(Self.scores, to: Self.nudged(Self.scores, by: .nan)).difference == .infinity)
  }

  @Test func softmaxIsKnownUpToAnOffset() throws {
    let outputs = Self.softmax(Self.scores, rows: 2)
    let same = try Self.distance(outputs)
    #expect(same.difference < 1e-6 && same.form == .softmax)
    #expect(try Self.distance(outputs, to: Self.scores.map { $0 + 4 }).difference < 1e-6)
    #expect(try Self.distance(outputs, to: Self.nudged(Self.scores, by: 0.01)).difference > 5e-4)
    let logarithms = outputs.map { Float(Double($0).logarithm) }
    #expect(try Self.distance(logarithms).difference < 1e-6)
    #expect(try Self.distance(logarithms).form == .logSoftmax)
  }

  @Test func sigmoidsAreKnownEach() throws {
    let outputs = Self.scores.map { Float(1 / (1 + (-Double($0)).exponential)) }
    let same = try Self.distance(outputs)
    #expect(same.difference < 1e-5 && same.form == .sigmoid)
    #expect(try Self.distance(outputs, to: Self.nudged(Self.scores, by: 0.01)).difference > 5e-4)
    #expect(try Self.distance(outputs, to: Self.scores.map { $0 + 1 }).difference > 0.05)
  }

  @Test func roundingOfTheStorageIsNotADifference() throws {
    let half = Self.scores.map { Float(bitPattern: ($0.bitPattern &+ 0x1000) & ~0x1FFF) }
    #expect(StoredPrecision(of: half) == .half)
    #expect(try Self.distance(half).difference == 0)
    #expect(try Self.distance(half, to: Self.nudged(half, by: 0.1)).difference > 5e-3)
    let bfloat = Self.scores.map { Float(bitPattern: ($0.bitPattern &+ 0x8000) & 0xFFFF_0000) }
    #expect(StoredPrecision(of: bfloat) == .bfloat16)
    #expect(try Self.distance(bfloat).difference == 0)
    let printed = Self.scores.map { ($0 * 10000).rounded() / 10000 }
    #expect(StoredPrecision(of: printed) == .decimals(4))
    #expect(try Self.distance(printed).difference == 0)
    #expect(StoredPrecision(of: Self.scores) == .single)
    #expect(StoredPrecision(of: [0.5, 1]) == .single, "two round numbers prove nothing")
  }

  @Test func outputsThatTellNothingAreRefused() {
    #expect(ReferenceOutputs(Tensor(shape: [1, 3], [0, 0, 0])) == nil)
    #expect(ReferenceOutputs(Tensor(shape: [1, 3], [0, 1, 0])) == nil, "one-hot labels")
    #expect(ReferenceOutputs(Tensor(shape: [1, 3], [0.21237, 0.30112, 0.48651])) != nil)
  }
}

extension Double {
  /// e to this power, by its series on a small argument.
  fileprivate var exponential: Double {
    let small = self / 1024
    var (sum, term) = (1.0, 1.0)
    for index in 1..<12 {
      term *= small / Double(index)
      sum += term
    }
    return (0..<10).reduce(sum) { value, _ in value * value }
  }

  /// Natural logarithm, by Newton's method.
  fileprivate var logarithm: Double {
    var x = Double(exponent) * 0.693147180559945
    for _ in 0..<60 { x += 2 * (self - x.exponential) / (self + x.exponential) }
    return x
  }
}
