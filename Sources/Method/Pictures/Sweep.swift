import FixresBase
import FixresIR
import FixresImaging
import FixresRuntime

/// A model measured at several test resolutions on the same pictures.
package struct ResolutionSweep: Sendable {
  package struct Row: Sendable {
    package let resolution: Int
    package let score: ClassificationScore
    /// Median latency of one picture, without decoding.
    package let milliseconds: Double
    package let imagesPerSecond: Double
    package let failures: Int
    /// Multiply-accumulates for one picture.
    package let macs: Int
    /// r_test / r_train; nil where the training resolution is unknown.
    package let expectedSizeRatio: Double?

    package init(
      resolution: Int, score: ClassificationScore, milliseconds: Double, imagesPerSecond: Double,
      failures: Int, macs: Int, expectedSizeRatio: Double?
    ) {
      (self.resolution, self.score, self.milliseconds) = (resolution, score, milliseconds)
      (self.imagesPerSecond, self.failures) = (imagesPerSecond, failures)
      (self.macs, self.expectedSizeRatio) = (macs, expectedSizeRatio)
    }
  }

  /// Two resolutions whose softmax outputs are averaged.
  package struct Average: Sendable {
    package let resolutions: [Int]
    package let score: ClassificationScore
    package let milliseconds: Double
  }

  package var rows: [Row]
  /// The resolution that others are compared with.
  package let baseline: Int
  package var average: Average?

  package init(rows: [Row], baseline: Int, average: Average? = nil) {
    (self.rows, self.baseline, self.average) = (rows, baseline, average)
  }

  package var baselineRow: Row? { rows.first { $0.resolution == baseline } }

  /// The p-value of `score` against the baseline on the same pictures; nil where there is no baseline.
  package func significance(_ score: ClassificationScore) -> PairedSignificance? {
    guard let base = baselineRow, base.score.hits.count == score.hits.count else { return nil }
    return PairedSignificance(base.score.hits, score.hits)
  }

  /// The row of the highest top-1; of equals the one of lower loss, then the smaller one.
  package var recommended: Row? { Self.best(rows) }

  /// The best row of at most `milliseconds` a picture.
  package func recommended(within milliseconds: Double) -> Row? {
    Self.best(rows.filter { $0.milliseconds <= milliseconds })
  }

  package static func best(_ rows: [Row]) -> Row? {
    rows.min { a, b in
      let (hitsA, hitsB) = (a.score.evaluation.top1Count, b.score.evaluation.top1Count)
      if hitsA != hitsB { return hitsA > hitsB }
      if a.score.loss != b.score.loss { return a.score.loss < b.score.loss }
      return a.resolution < b.resolution
    }
  }
}

/// Latency of a session for one picture.
package enum Latency {
  /// The median over at least 10 runs, or as many as half a second holds, up to 50; in milliseconds.
  package static func medianMilliseconds(_ session: Session) throws(RuntimeError) -> Double {
    let input = [Float](repeating: 0.5, count: session.inputShape.reduce(1, *))
    var logits = [Float](repeating: 0, count: session.classCount)
    var times: [Double] = []
    let start = MonotonicClock.nanoseconds()
    // Two runs to warm up.
    while times.count < 12 || (times.count < 52 && MonotonicClock.nanoseconds() - start < 500_000_000) {
      let before = MonotonicClock.nanoseconds()
      try input.withUnsafeBufferPointer { (input) throws(RuntimeError) in
        try logits.withUnsafeMutableBufferPointer { (logits) throws(RuntimeError) in
          try session.run(input, batch: 1, logits: logits)
        }
      }
      times.append(Double(MonotonicClock.nanoseconds() - before) / 1e6)
    }
    return times.dropFirst(2).sorted()[(times.count - 2) / 2]
  }
}
