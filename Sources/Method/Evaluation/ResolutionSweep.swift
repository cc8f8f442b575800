/// A model measured at several test resolutions on the same pictures.
package struct ResolutionSweep: Sendable {
  /// What was measured at one resolution.
  package struct Row: Sendable {
    /// The test resolution, a side in pixels.
    package let resolution: Int
    /// Accuracy and loss with each picture's outcome.
    package let score: ClassificationScore
    /// Latency of one picture, without decoding.
    package let milliseconds: Double
    /// Throughput over the pictures, decoding included.
    package let imagesPerSecond: Double
    /// Number of pictures that could not be decoded.
    package let failures: Int
    /// Multiply-accumulates for one picture.
    package let macs: Int
    /// r_test / r_train; nil where the training resolution is unknown.
    package let expectedSizeRatio: Double?

    /// A row of these figures.
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
    /// The two resolutions.
    package let resolutions: [Int]
    /// Accuracy and loss of the averaged softmax outputs.
    package let score: ClassificationScore
    /// Latency of both runs together.
    package let milliseconds: Double
  }

  /// One row per resolution, ascending.
  package var rows: [Row]
  /// The resolution that others are compared with.
  package let baseline: Int
  /// Two resolutions averaged; nil where none was asked for.
  package var average: Average?

  /// A sweep of `rows`, compared with the resolution `baseline`.
  package init(rows: [Row], baseline: Int, average: Average? = nil) {
    (self.rows, self.baseline, self.average) = (rows, baseline, average)
  }

  /// The row of the baseline; nil where it was not measured.
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

  /// The row of `rows` with the highest top-1; of equals the one with the lower loss, then the smaller one.
  package static func best(_ rows: [Row]) -> Row? {
    rows.min { a, b in
      let (hitsA, hitsB) = (a.score.evaluation.top1Count, b.score.evaluation.top1Count)
      if hitsA != hitsB { return hitsA > hitsB }
      if a.score.loss != b.score.loss { return a.score.loss < b.score.loss }
      return a.resolution < b.resolution
    }
  }
}
