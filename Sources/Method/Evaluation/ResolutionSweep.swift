/// A model measured at several test resolutions on the same pictures.
package struct ResolutionSweep: Sendable {
  /// What was measured at one resolution.
  package struct Row: Sendable {
    /// The test resolution, a side in pixels.
    package let resolution: Int
    /// Accuracy and loss with each picture's outcome.
    package let score: ClassificationScore
    /// Latency of one picture, without decoding.
    package var latency: Latency
    /// Throughput over the pictures, decoding included.
    package let imagesPerSecond: Double
    /// Number of pictures that could not be decoded.
    package let failures: Int
    /// Multiply-accumulates for one picture.
    package let macs: Int
    /// r_test / r_train; nil where the training resolution is unknown.
    package let expectedSizeRatio: Double?

    /// Latency of one picture in milliseconds.
    package var milliseconds: Double { latency.milliseconds }

    /// A row of these figures.
    package init(
      resolution: Int, score: ClassificationScore, latency: Latency, imagesPerSecond: Double,
      failures: Int, macs: Int, expectedSizeRatio: Double?
    ) {
      (self.resolution, self.score, self.latency) = (resolution, score, latency)
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

  /// Whether the latency of `row` was disturbed: its rounds differ, or fewer multiply-accumulates took longer.
  package func isNoisy(_ row: Row) -> Bool {
    row.latency.isNoisy
      || rows.contains {
        $0.macs > row.macs && $0.milliseconds * Self.tolerableInversion < row.milliseconds
      }
  }

  /// A row of fewer multiply-accumulates may take this many times as long before that is called noise.
  private static let tolerableInversion = 1.05
}
