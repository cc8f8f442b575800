/// How often the region of classification takes which share of the picture's area.
package struct ShareHistogram: Hashable, Sendable {
  /// Weight of each of equally wide bins over 0...1; a share of 1 falls in the last.
  package private(set) var weights: [Double]
  /// Sum of the weights.
  package private(set) var total = 0.0

  /// An empty histogram of `binCount` bins of equal width over 0...1.
  package init(binCount: Int = 10) {
    precondition(binCount > 0, "a histogram needs a bin")
    weights = [Double](repeating: 0, count: binCount)
  }

  /// Counts `share` with `weight`.
  package mutating func add(_ share: Double, weight: Double = 1) {
    let bin = Int((share * Double(weights.count)).rounded(.down))
    weights[min(max(bin, 0), weights.count - 1)] += weight
    total += weight
  }

  /// Bins that sum to 1; all zero where nothing was added.
  package var normalized: [Double] { weights.map { total > 0 ? $0 / total : 0 } }
}
