import FixresMethod
import Testing

/// The search by made-up differences: what is tried, in which order, and what counts as found.
@Suite struct HypothesisSearchTests {
  typealias Search = HypothesisSearch

  private static let axes = [
    Search.Axis("activation", ["relu", "silu", "gelu", "relu6"]),
    Search.Axis("strides", ["1,2,2,2", "1,2,2,1", "1,2,1,1"], group: 0),
    Search.Axis("dilations", ["1,1,1,1", "1,1,1,2"], group: 0),
    Search.Axis("stem-pool", ["max", "none"], group: 0),
    Search.Axis("bn-eps", ["1e-05", "0.001", "1e-06"], isGraded: true),
  ]

  /// A search for `truth` whose differences fall with each fact that is right.
  private static func search(
    _ truth: [Int], fits: @escaping ([Int]) -> Bool = { _ in false }, limits: Search.Limits = .init(),
    weights: [Double] = [0.3, 0.2, 0.1, 0.3, 0.01]
  ) throws -> Search {
    var search = Search(axes, limits: limits) { hypothesis in
      if fits(hypothesis.choices) { return 0 }
      return zip(zip(hypothesis.choices, truth), weights).reduce(0) { $0 + ($1.0.0 == $1.0.1 ? 0 : $1.1) }
    } accept: { _, difference in
      difference <= 1e-5
    }
    try search.run()
    return search
  }

  @Test func theAssumedFactsComeFirst() throws {
    let search = try Self.search([0, 0, 0, 0, 0])
    #expect(search.fits.map(\.choices) == [[0, 0, 0, 0, 0]])
    // Each other value of each fact; pairs of the group are too far off on their own.
    #expect(search.differences.count == 1 + 9)
    // With strides that change little, their pairs with the rest of the group are tried: 2 x 1 + 2 x 1.
    let near = try Self.search([0, 0, 0, 0, 0], weights: [0.3, 0.01, 0.1, 0.3, 0.01])
    #expect(near.fits.count == 1 && near.differences.count == 1 + 9 + 4)
  }

  @Test(arguments: [
    [1, 0, 0, 0, 0], [0, 0, 0, 0, 2], [2, 1, 0, 0, 0], [0, 1, 1, 0, 0], [3, 2, 1, 0, 0], [1, 1, 1, 1, 1],
  ])
  func findsTheTruth(truth: [Int]) throws {
    var limits = Search.Limits()
    limits.depth = 5
    let search = try Self.search(truth, limits: limits)
    #expect(search.fits.map(\.choices) == [truth] && search.nearest.choices == truth)
    #expect(!search.isCutShort)
  }

  @Test func allPairsAreTriedEvenWhereNothingGuides() throws {
    // Two facts that help only together.
    var search = Search(Self.axes) { hypothesis in
      hypothesis.choices == [0, 2, 1, 0, 0] ? 0 : 1
    } accept: { _, difference in
      difference == 0
    }
    try search.run()
    #expect(search.fits.map(\.choices) == [[0, 2, 1, 0, 0]])
  }

  @Test func nothingFits() throws {
    var search = Search(Self.axes) {
      $0.choices == [0, 0, 0, 1, 0] ? 0.5 : 1
    } accept: { _, _ in
      false
    }
    try search.run()
    #expect(search.fits.isEmpty && search.nearest.choices == [0, 0, 0, 1, 0])
    let singles = 9
    // Pairs of different facts: the sum over pairs of facts of the products of their other values.
    let pairs = 3 * 2 + 3 * 1 + 3 * 1 + 3 * 2 + 2 * 1 + 2 * 1 + 2 * 2 + 1 * 1 + 1 * 2 + 1 * 2
    #expect(search.differences.count == 1 + singles + pairs)
  }

  @Test func whatFitsAsWellIsFound() throws {
    let search = try Self.search(
      [1, 0, 0, 0, 0], fits: { $0[0] == 1 && $0[1] == 0 && $0[3] == 0 && $0[4] == 0 })
    #expect(Set(search.fits.map(\.choices)) == [[1, 0, 0, 0, 0], [1, 0, 1, 0, 0]])
    #expect(search.fits.first?.choices == [1, 0, 0, 0, 0])
  }

  @Test func theNumberOfTriesIsBounded() throws {
    var limits = Search.Limits()
    limits.tries = 20
    let search = try Self.search([3, 2, 1, 1, 2], limits: limits)
    #expect(search.isCutShort && search.fits.isEmpty && search.differences.count == 20)
  }

  @Test func combinationsThatDoNotExistArePassedOver() throws {
    var search = Search(Self.axes) { hypothesis in
      if hypothesis.choices[3] == 1 { return nil }
      return hypothesis.choices == [0, 1, 0, 0, 0] ? 0 : 1
    } accept: { _, difference in
      difference == 0
    }
    try search.run()
    #expect(search.fits.map(\.choices) == [[0, 1, 0, 0, 0]])
  }
}
