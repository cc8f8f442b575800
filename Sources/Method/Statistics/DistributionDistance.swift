/// How far two distribution functions are apart.
public struct DistributionDistance: Hashable, Sendable {
  /// max |F - G| (Kolmogorov and Smirnov).
  public let ks: Double
  /// The integral of |F - G| dx (Wasserstein's first distance).
  public let w1: Double

  /// No distance.
  public static let zero = DistributionDistance(ks: 0, w1: 0)
}
