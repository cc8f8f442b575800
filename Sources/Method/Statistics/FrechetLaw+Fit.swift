extension FrechetLaw {
  /// A law fitted to an empirical distribution function by least squares.
  public struct Fit: Hashable, Sendable {
    /// The fitted law.
    public let law: FrechetLaw
    /// Root of the mean squared difference between the two distribution functions.
    public let error: Double
    /// Values that were above zero.
    public let count: Int
  }

  /// The distribution function that is fitted; zeros are never points of the fit.
  package enum Zeros: String, Hashable, Sendable {
    /// That of the values above zero alone.
    case leftOut = "conditional"
    /// That of all values, of which only the part above zero is looked at.
    case counted = "unconditional"
  }

  /// Maximum number of points of the empirical distribution function in a fit.
  package static let knotCount = 1000

  /// The law nearest to `sorted`, ascending values; nil where fewer than two distinct values are above zero.
  package static func fit(_ sorted: UnsafeBufferPointer<Float>, zeros: Zeros = .leftOut) -> Fit? {
    let first = sorted.partitioningIndex { $0 > 0 }
    let count = sorted.count - first
    guard count > 1, sorted[sorted.count - 1] > sorted[first] else { return nil }
    let below = zeros == .counted ? Double(first) : 0
    let total = below + Double(count)
    let knots = min(count, knotCount)
    var x: [Double] = []
    var p: [Double] = []
    for knot in 0..<knots {
      let rank = (2 * knot + 1) * count / (2 * knots)
      x.append(Double(sorted[first + rank]))
      p.append((below + Double(rank) + 0.5) / total)
    }
    guard let start = linearFit(x, p) else { return nil }
    let refined = refine(start, x, p)
    return Fit(law: refined, error: (residual(refined, x, p) / Double(knots)).squareRoot(), count: count)
  }

  /// As the fit of a buffer.
  package static func fit(_ sorted: [Float], zeros: Zeros = .leftOut) -> Fit? {
    sorted.withUnsafeBufferPointer { fit($0, zeros: zeros) }
  }

  /// The line x = mu + sigma y through the standard law's quantiles y.
  private static func linearFit(_ x: [Double], _ p: [Double]) -> FrechetLaw? {
    let y = p.map(standardQuantile)
    let (meanX, meanY) = (x.reduce(0, +) / Double(x.count), y.reduce(0, +) / Double(y.count))
    var (cross, square) = (0.0, 0.0)
    for (a, b) in zip(x, y) {
      cross += (a - meanX) * (b - meanY)
      square += (b - meanY) * (b - meanY)
    }
    guard cross > 0, square > 0, (cross / square).isFinite else { return nil }
    return FrechetLaw(mu: meanX - cross / square * meanY, sigma: cross / square)
  }

  /// Levenberg-Marquardt on the sum of (P(x) - p)^2.
  private static func refine(_ start: FrechetLaw, _ x: [Double], _ p: [Double]) -> FrechetLaw {
    var law = start
    var error = residual(law, x, p)
    var damping = 1e-3
    for _ in 0..<100 {
      let step = normalEquations(law, x, p).solve(damping: damping)
      let next = FrechetLaw(mu: law.mu + step.mu, sigma: law.sigma + step.sigma)
      let nextError = next.sigma > 0 ? residual(next, x, p) : .infinity
      if nextError < error {
        let gain = error - nextError
        (law, error) = (next, nextError)
        damping = max(damping / 10, 1e-12)
        if gain <= 1e-14 * error, abs(step.mu) + abs(step.sigma) <= 1e-12 * law.sigma { break }
      } else {
        damping *= 10
        if damping > 1e12 { break }
      }
    }
    return law
  }

  private static func residual(_ law: FrechetLaw, _ x: [Double], _ p: [Double]) -> Double {
    zip(x, p).reduce(0) { sum, point in
      let difference = law.distribution(point.0) - point.1
      return sum + difference * difference
    }
  }

  /// J^T J and -J^T r of the two parameters.
  private struct NormalEquations {
    var (a, b, d) = (0.0, 0.0, 0.0)
    var (right0, right1) = (0.0, 0.0)

    func solve(damping: Double) -> (mu: Double, sigma: Double) {
      let (a, d) = (self.a * (1 + damping), self.d * (1 + damping))
      let determinant = a * d - b * b
      guard determinant > 0 else { return (0, 0) }
      return ((d * right0 - b * right1) / determinant, (a * right1 - b * right0) / determinant)
    }
  }

  private static func normalEquations(_ law: FrechetLaw, _ x: [Double], _ p: [Double]) -> NormalEquations {
    var sums = NormalEquations()
    for (value, share) in zip(x, p) {
      let g = law.gradient(value)
      let difference = share - g.value
      sums.a += g.byMu * g.byMu
      sums.b += g.byMu * g.bySigma
      sums.d += g.bySigma * g.bySigma
      sums.right0 += g.byMu * difference
      sums.right1 += g.bySigma * difference
    }
    return sums
  }
}

extension RandomAccessCollection where Index == Int {
  /// The first index whose element satisfies `isSecond`, given that all such elements follow all others.
  func partitioningIndex(where isSecond: (Element) -> Bool) -> Int {
    var (low, high) = (startIndex, endIndex)
    while low < high {
      let middle = low + (high - low) / 2
      if isSecond(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
