#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// The mean difference of two figures of the same pictures, and whether chance explains it.
package struct PairedDifference: Hashable, Sendable {
  /// Mean of second - first.
  package let mean: Double
  /// The mean's standard error.
  package let standardError: Double

  /// The differences of `second` from `first`, picture by picture.
  package init(_ first: [Double], _ second: [Double]) {
    precondition(first.count == second.count, "paired figures must be of the same pictures")
    let count = Double(max(first.count, 1))
    let mean = zip(first, second).reduce(0) { $0 + ($1.1 - $1.0) } / count
    let squares = zip(first, second).reduce(0) { sum, pair in
      let deviation = pair.1 - pair.0 - mean
      return sum + deviation * deviation
    }
    self.mean = mean
    standardError = first.count > 1 ? (squares / (count - 1) / count).squareRoot() : .infinity
  }

  /// The two-sided p-value of a mean of 0, the mean taken for normal.
  package var p: Double {
    guard mean != 0 else { return 1 }
    guard standardError > 0 else { return 0 }
    return erfc(abs(mean) / standardError / 2.0.squareRoot())
  }
}
