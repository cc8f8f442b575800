#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Whether two classifiers' results on the same pictures differ beyond chance (McNemar, 1947).
public struct PairedSignificance: Hashable, Sendable {
  /// Pictures that only the first got right.
  public let onlyFirst: Int
  /// Pictures that only the second got right.
  public let onlySecond: Int

  /// From the counts of pictures that only one of two classifiers got right.
  public init(onlyFirst: Int, onlySecond: Int) {
    (self.onlyFirst, self.onlySecond) = (onlyFirst, onlySecond)
  }

  /// Compares results picture by picture, in the same order.
  public init(_ first: [Bool], _ second: [Bool]) {
    precondition(first.count == second.count, "paired results must be of the same pictures")
    onlyFirst = zip(first, second).count { $0 && !$1 }
    onlySecond = zip(first, second).count { !$0 && $1 }
  }

  /// The exact two-sided p-value: twice the tail of a fair coin over the pictures on which they differ.
  public var p: Double {
    let n = onlyFirst + onlySecond
    let least = min(onlyFirst, onlySecond)
    guard n > 0, 2 * least < n else { return 1 }
    var logTerm = -Double(n) * M_LN2
    for k in 0..<least { logTerm += log(Double(n - k)) - log(Double(k + 1)) }
    // From the greatest term down, until terms no longer count.
    var (sum, ratio) = (1.0, 1.0)
    var k = least
    while k > 0, ratio > 1e-18 {
      ratio *= Double(k) / Double(n - k + 1)
      sum += ratio
      k -= 1
    }
    return min(1, 2 * exp(logTerm) * sum)
  }
}
