#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// The law of extreme values P(x) = exp(-(1 + xi (x - mu) / sigma)^(-1/xi)) with xi = 0.3, 0 below its support
/// ("Fixing the train-test resolution discrepancy", appendix A).
public struct FrechetLaw: Hashable, Sendable {
  /// The shape parameter, fixed so that two laws differ by an affine map.
  public static let shape = 0.3

  /// The location parameter.
  public var mu: Double
  /// The scale parameter.
  public var sigma: Double

  /// The law with location `mu` and scale `sigma`.
  public init(mu: Double, sigma: Double) { (self.mu, self.sigma) = (mu, sigma) }

  /// Where the support starts.
  public var start: Double { mu - sigma / Self.shape }

  /// P(x), the share of values up to `x`.
  public func distribution(_ x: Double) -> Double {
    let base = 1 + Self.shape * (x - mu) / sigma
    return base > 0 ? exp(-pow(base, -1 / Self.shape)) : 0
  }

  /// The quantile of the share `p`, in (0, 1).
  public func quantile(_ p: Double) -> Double { mu + sigma * Self.standardQuantile(p) }

  /// (E of the standard law: (Gamma(1 - xi) - 1) / xi.)
  public var mean: Double { mu + sigma / Self.shape * (tgamma(1 - Self.shape) - 1) }

  /// The standard deviation of the law.
  public var standardDeviation: Double {
    let first = tgamma(1 - Self.shape)
    return sigma / Self.shape * (tgamma(1 - 2 * Self.shape) - first * first).squareRoot()
  }

  /// P(x) and its derivatives by mu and by sigma.
  package func gradient(_ x: Double) -> (value: Double, byMu: Double, bySigma: Double) {
    let z = (x - mu) / sigma
    let base = 1 + Self.shape * z
    guard base > 0 else { return (0, 0, 0) }
    let t = pow(base, -1 / Self.shape)
    let value = exp(-t)
    let slope = value * pow(t, 1 + Self.shape) / sigma
    return (value, -slope, -z * slope)
  }

  /// The affine map that gives values of this law the law `reference`: scale x + offset.
  public func map(to reference: FrechetLaw) -> (scale: Double, offset: Double) {
    let scale = reference.sigma / sigma
    return (scale, reference.mu - scale * mu)
  }

  static func standardQuantile(_ p: Double) -> Double { (pow(-log(p), -shape) - 1) / shape }
}
