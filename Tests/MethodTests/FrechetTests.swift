import FixresBase
import FixresMethod
import Testing

/// Facts of the law with xi = 0.3, computed independently of this code.
@Suite struct FrechetTests {
  static let law = FrechetLaw(mu: 0.4, sigma: 0.25)

  @Test func distribution() {
    let law = Self.law
    #expect(abs(law.distribution(law.mu) - 0.367879) < 1e-6)
    #expect(abs(law.start + 0.43333) < 1e-5)
    #expect(law.distribution(law.start - 1e-9) == 0)
    #expect(abs(law.distribution(0) - 1.4422e-4) < 1e-8)
    #expect(abs(law.distribution(1) - 0.848722) < 1e-6)
    #expect(abs(law.distribution(2) - 0.972290) < 1e-6)
  }

  @Test func quantilesAndMoments() {
    let law = Self.law
    #expect(abs(law.quantile(0.5) - 0.496855) < 1e-6)
    #expect(abs(law.quantile(0.1) - 0.215531) < 1e-6)
    #expect(abs(law.quantile(0.9) - 1.203541) < 1e-6)
    #expect(abs(law.mean - 0.648379) < 1e-6)
    #expect(abs(law.standardDeviation - 0.608511) < 1e-6)
    for p in [0.001, 0.2, 0.77, 0.999] { #expect(abs(law.distribution(law.quantile(p)) - p) < 1e-12) }
  }

  @Test(arguments: [(0.6, -0.966522, -0.773218), (1.5, -0.098176, -0.431976)])
  func gradient(x: Double, byMu: Double, bySigma: Double) {
    let g = Self.law.gradient(x)
    #expect(abs(g.byMu - byMu) < 1e-6)
    #expect(abs(g.bySigma - bySigma) < 1e-6)
    let step = 1e-6
    let (mu, sigma) = (Self.law.mu, Self.law.sigma)
    let byMuNumeric =
      (FrechetLaw(mu: mu + step, sigma: sigma).distribution(x)
        - FrechetLaw(mu: mu - step, sigma: sigma).distribution(x)) / (2 * step)
    let bySigmaNumeric =
      (FrechetLaw(mu: mu, sigma: sigma + step).distribution(x)
        - FrechetLaw(mu: mu, sigma: sigma - step).distribution(x)) / (2 * step)
    #expect(abs(byMuNumeric - g.byMu) < 1e-8 && abs(bySigmaNumeric - g.bySigma) < 1e-8)
  }

  @Test func mapMatchesQuantiles() {
    let (from, to) = (FrechetLaw(mu: 0.55, sigma: 0.45), Self.law)
    let map = from.map(to: to)
    #expect(abs(map.scale * 0.9 + map.offset - 0.5944444) < 1e-7)
    for x in [0.1, 0.5, 0.9, 3] {
      #expect(abs(from.distribution(x) - to.distribution(map.scale * x + map.offset)) < 1e-12)
    }
  }

  @Test(arguments: [(0.4, 0.25), (0.55, 0.45), (1.2, 0.1), (0.05, 0.04)])
  func recovery(mu: Double, sigma: Double) throws {
    let law = FrechetLaw(mu: mu, sigma: sigma)
    let count = 100_000
    let values = (0..<count).map { Float(law.quantile((Double($0) + 0.5) / Double(count))) }
    for zeros in [FrechetLaw.Zeros.leftOut, .counted] {
      let fit = try #require(FrechetLaw.fit(values, zeros: zeros))
      // Values below zero are not looked at; the unconditional function is exact about that, the other is not.
      let bound = zeros == .counted || law.distribution(0) < 1e-3 ? 1e-3 : 0.1
      #expect(abs(fit.law.mu - mu) < bound && abs(fit.law.sigma - sigma) < bound)
      if bound == 1e-3 { #expect(fit.error < 1e-3) }
    }
  }

  @Test func zerosAreOutliers() throws {
    let law = Self.law
    let positive = (0..<20_000).map { Float(law.quantile((Double($0) + 0.5) / 20_000)) }.filter { $0 > 0 }
    let withZeros = [Float](repeating: 0, count: 15_000) + positive
    let fit = try #require(FrechetLaw.fit(withZeros))
    let plain = try #require(FrechetLaw.fit(positive))
    #expect(fit.law == plain.law && fit.count == positive.count)
    let counted = try #require(FrechetLaw.fit(withZeros, zeros: .counted))
    #expect(counted.law.mu < fit.law.mu)
  }

  @Test func whatCannotBeFitted() {
    #expect(FrechetLaw.fit([]) == nil)
    #expect(FrechetLaw.fit([0, 0, 0]) == nil)
    #expect(FrechetLaw.fit([0, 0, 1, 1]) == nil)
  }
}
