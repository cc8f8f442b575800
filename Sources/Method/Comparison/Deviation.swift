/// How far a list of values is from a reference of the same length.
public struct Deviation: Hashable, Sendable {
  /// Greatest absolute difference; infinite where a difference is not a number.
  public let difference: Float
  /// Greatest magnitude in the reference.
  public let magnitude: Float

  /// The deviation of `values` from `reference`.
  public init(of values: [Float], from reference: [Float]) {
    var (difference, magnitude): (Float, Float) = (0, 0)
    for (x, y) in zip(reference, values) {
      let distance = abs(x - y)
      // A NaN compares false to everything and must not be lost.
      if !(distance <= difference) { difference = distance.isNaN ? .infinity : distance }
      magnitude = max(magnitude, abs(x))
    }
    (self.difference, self.magnitude) = (difference, magnitude)
  }
}
