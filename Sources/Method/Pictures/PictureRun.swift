import FixresBase
import FixresIR
import FixresImaging
import FixresRuntime

/// Runs a network over pictures, which other threads decode meanwhile.
package struct PictureRun {
  /// Called with the number of samples done and that of all samples.
  package typealias Progress = (_ done: Int, _ total: Int) -> Void

  /// The network's results for one picture; the memory is valid during the call only.
  package struct Sample {
    /// Index among the pictures.
    package let index: Int
    /// Index of the picture's augmented variant; 0 without augmentation.
    package let variant: Int
    /// The network's logits, `[classes]`.
    package let logits: UnsafeBufferPointer<Float>
    /// The pooled features, `[F]`; empty where the graph does not give them.
    package let features: UnsafeBufferPointer<Float>
  }

  /// How a run went.
  package struct Summary: Sendable {
    /// Number of samples that were run.
    package var images = 0
    /// Pictures that could not be decoded.
    package var failures: [Evaluation.Failure] = []
    /// Number of samples whose EXIF orientation is not 1.
    package var turnedCount = 0
    /// Wall-clock time, decoding included.
    package var seconds = 0.0

    /// A run over no pictures.
    package init() {}

    /// Throughput, decoding included.
    package var imagesPerSecond: Double { seconds > 0 ? Double(images) / seconds : 0 }
  }

  private let session: Session
  private let preprocessor: Preprocessor
  private let augmentation: Augmentation
  private static let batchSize = 8
  /// Share of the pictures that may fail to decode.
  private static let tolerableFailures = 0.01

  /// Runs of `session` over pictures that `preprocessor` reads and `augmentation` varies.
  package init(_ session: Session, _ preprocessor: Preprocessor, augmentation: Augmentation = .none) {
    (self.session, self.preprocessor, self.augmentation) = (session, preprocessor, augmentation)
  }

  /// Calls `body` with each variant of each picture that decodes, in order.
  ///
  /// - Throws: `MethodError.tooManyFailures`, `noPictures`, or `runtime` where the session can't run.
  package func run(
    over pictures: LabelledPictures, progress: Progress = { _, _ in }, _ body: (Sample) -> Void
  ) throws(MethodError) -> Summary {
    let variants = augmentation.variantCount
    let paths = pictures.entries.flatMap { [String](repeating: $0.path, count: variants) }
    let stream = PictureStream(
      paths, preprocessor, batchSize: Self.batchSize, workers: session.threadCount,
      transform: augmentation.transform)
    defer { stream.stop() }
    var summary = Summary()
    var logits = [Float](repeating: 0, count: stream.batchSize * session.classCount)
    var features = [Float](repeating: 0, count: stream.batchSize * session.featureCount)
    let start = MonotonicClock.nanoseconds()
    while let batch = stream.nextBatch() {
      do { try infer(batch, &logits, &features) } catch { throw .runtime(error) }
      let failed = Set(batch.failures.map(\.index))
      for failure in batch.failures where failure.index % variants == 0 {
        let path = pictures.entries[failure.index / variants].path
        summary.failures.append(Evaluation.Failure(path: path, error: failure.error))
      }
      summary.turnedCount += batch.turned.count
      logits.withUnsafeBufferPointer { logits in
        features.withUnsafeBufferPointer { features in
          for (row, index) in batch.range.enumerated() where !failed.contains(index) {
            body(
              Sample(
                index: index / variants, variant: index % variants,
                logits: logits.row(row, session.classCount),
                features: features.row(row, session.featureCount)))
            summary.images += 1
          }
        }
      }
      progress(batch.range.upperBound, paths.count)
    }
    summary.seconds = Double(MonotonicClock.nanoseconds() - start) / 1e9
    try check(summary, pictures)
    return summary
  }

  private func infer(
    _ batch: PictureStream.Batch, _ logits: inout [Float], _ features: inout [Float]
  ) throws(RuntimeError) {
    let count = batch.range.count
    try logits.withUnsafeMutableBufferPointer { (logits) throws(RuntimeError) in
      try features.withUnsafeMutableBufferPointer { (features) throws(RuntimeError) in
        let wanted = UnsafeMutableBufferPointer(rebasing: features[..<(count * session.featureCount)])
        try session.run(
          batch.input, batch: count,
          logits: UnsafeMutableBufferPointer(rebasing: logits[..<(count * session.classCount)]),
          features: session.featureCount > 0 ? wanted : nil)
      }
    }
  }

  private func check(_ summary: Summary, _ pictures: LabelledPictures) throws(MethodError) {
    guard let first = summary.failures.first else {
      guard summary.images > 0 else { throw .noPictures(path: pictures.path) }
      return
    }
    // Formats without a decoder are a known gap, which the caller says; damage may be the sign of a broken copy.
    let damaged = summary.failures.count { !$0.error.isWithoutDecoder }
    let share = Double(damaged) / Double(max(pictures.count, 1))
    guard summary.images > 0, pictures.allowsFailures || share <= Self.tolerableFailures else {
      throw .tooManyFailures(
        failed: summary.failures.count, pictures: pictures.count, first: first.path, first.error)
    }
  }
}

extension UnsafeBufferPointer {
  fileprivate func row(_ row: Int, _ count: Int) -> UnsafeBufferPointer {
    UnsafeBufferPointer(rebasing: self[row * count..<(row + 1) * count])
  }
}
