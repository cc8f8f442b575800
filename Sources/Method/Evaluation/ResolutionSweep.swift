/// A model measured at several test resolutions on the same pictures.
public struct ResolutionSweep: Sendable {
  /// What was measured at one resolution.
  public struct Row: Sendable {
    /// The test resolution, a side in pixels.
    public let resolution: Int
    /// Accuracy and loss with each picture's outcome.
    public let score: ClassificationScore
    /// Latency of one picture, without decoding.
    public var latency: Latency
    /// Throughput over the pictures, decoding included.
    public let imagesPerSecond: Double
    /// Number of pictures that could not be decoded.
    public let failures: Int
    /// Multiply-accumulates for one picture.
    public let macs: Int
    /// r_test / r_train; nil where the training resolution is unknown.
    public let expectedSizeRatio: Double?

    /// Latency of one picture in milliseconds.
    public var milliseconds: Double { latency.milliseconds }

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
  public struct Average: Sendable {
    /// The two resolutions.
    public let resolutions: [Int]
    /// Accuracy and loss of the averaged softmax outputs.
    public let score: ClassificationScore
    /// Latency of both runs together.
    public let milliseconds: Double
  }

  /// One row per resolution, ascending.
  public var rows: [Row]
  /// The resolution that others are compared with.
  public let baseline: Int
  /// Two resolutions averaged; nil where none was asked for.
  public var average: Average?

  /// A sweep of `rows`, compared with the resolution `baseline`.
  package init(rows: [Row], baseline: Int, average: Average? = nil) {
    (self.rows, self.baseline, self.average) = (rows, baseline, average)
  }

  /// The row of the baseline; nil where it was not measured.
  public var baselineRow: Row? { rows.first { $0.resolution == baseline } }

  /// The p-value of `score` against the baseline on the same pictures; nil where there is no baseline.
  public func significance(_ score: ClassificationScore) -> PairedSignificance? {
    guard let base = baselineRow, base.score.hits.count == score.hits.count else { return nil }
    return PairedSignificance(base.score.hits, score.hits)
  }

  /// Whether the latency of `row` was disturbed: its rounds differ, or fewer multiply-accumulates took longer.
  public func isNoisy(_ row: Row) -> Bool {
    row.latency.isNoisy
      || rows.contains {
        $0.macs > row.macs && $0.milliseconds * Self.tolerableInversion < row.milliseconds
      }
  }

  /// A row of fewer multiply-accumulates may take this many times as long before that is called noise.
  private static let tolerableInversion = 1.05
}
