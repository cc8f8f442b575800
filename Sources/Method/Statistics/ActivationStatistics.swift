/// What the pooled features of a set of pictures look like at one test resolution, all channels together.
public struct ActivationStatistics: Sendable {
  /// One quantile of the values.
  public struct Quantile: Hashable, Sendable {
    /// Share of the values that lie below, 0...1.
    public let share: Double
    /// The value.
    public let value: Double
  }

  /// A distribution function at given points.
  public struct Curve: Hashable, Sendable {
    /// The points, ascending.
    public let x: [Double]
    /// Share of the values up to each point, 0...1.
    public let share: [Double]
  }

  /// Number of images.
  public let images: Int
  /// Values in all: images times channels.
  public let count: Int
  /// Share of values that are exactly 0.
  public let zeroShare: Double
  /// Share of values above 0 and below 1.
  public let shareZeroToOne: Double
  /// Share of values above 2.
  public let shareAboveTwo: Double
  /// Mean of all values.
  public let mean: Double
  /// Over all values, divided by their count.
  public let standardDeviation: Double
  /// The quantiles at `quantileShares`.
  public let quantiles: [Quantile]
  /// Fitted to the values above zero; nil where the law does not fit at all.
  public let frechet: FrechetLaw.Fit?
  /// Fitted to the distribution function of all values.
  public let frechetOfAll: FrechetLaw.Fit?
  /// The values in ascending order.
  package let sorted: SortedValues

  /// Shares whose quantiles are reported.
  package static let quantileShares = [0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999]
  /// Points of a reported distribution function.
  package static let knotCount = 512
  /// Values that are sorted at most; of more, every n-th, which the shares and moments do not need.
  package static let sortedLimit = 1 << 27

  /// The statistics of `features`, `[images, F]`.
  package init(features: UnsafeBufferPointer<Float>, images: Int) {
    var (zeros, inside, above) = (0, 0, 0)
    var sum = 0.0
    for value in features {
      if value == 0 { zeros += 1 }
      if value > 0, value < 1 { inside += 1 }
      if value > 2 { above += 1 }
      sum += Double(value)
    }
    let total = Double(max(features.count, 1))
    let mean = sum / total
    var squares = 0.0
    for value in features { squares += (Double(value) - mean) * (Double(value) - mean) }
    self.images = images
    count = features.count
    zeroShare = Double(zeros) / total
    shareZeroToOne = Double(inside) / total
    shareAboveTwo = Double(above) / total
    self.mean = mean
    standardDeviation = (squares / total).squareRoot()
    // An odd stride visits every channel, since channel counts are nearly always even.
    let stride = features.count > Self.sortedLimit ? features.count / Self.sortedLimit | 1 : 1
    let sorted = SortedValues(features, stride: stride)
    quantiles = Self.quantileShares.map { Quantile(share: $0, value: sorted.quantile($0)) }
    frechet = FrechetLaw.fit(sorted.values)
    frechetOfAll = FrechetLaw.fit(sorted.values, zeros: .counted)
    self.sorted = sorted
  }

  /// How far the distribution is from that of `reference`.
  public func distance(to reference: ActivationStatistics) -> DistributionDistance {
    sorted.distance(to: reference.sorted)
  }

  /// The distribution function at `knots`.
  public func curve(at knots: [Double]) -> Curve {
    Curve(x: knots, share: knots.map(sorted.distribution))
  }

  /// Points from 0 to `maximum`, denser near 0, where most features are.
  package static func knots(to maximum: Double, count: Int = knotCount) -> [Double] {
    (0..<count).map { index in
      let t = Double(index) / Double(count - 1)
      return maximum * t * t
    }
  }
}
