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
    package var failures = PictureFailures()
    /// Failures in succession up to the last picture.
    fileprivate var streak = FailureStreak(limit: .max)
    /// Number of samples whose EXIF orientation is not 1.
    package var turnedCount = 0
    /// Number of samples whose results were kept by an earlier run.
    package var cachedCount = 0
    /// Wall-clock time, decoding included.
    package var seconds = 0.0

    /// A run over no pictures.
    package init() {}

    fileprivate init(limit: Int) { streak = FailureStreak(limit: limit) }

    /// Throughput, decoding included.
    package var imagesPerSecond: Double { seconds > 0 ? Double(images) / seconds : 0 }
  }

  /// What is kept of each sample: a fixed number of bytes that follow from the network's results.
  package struct Content {
    /// Names the bytes' meaning among all contents of one network.
    let name: String
    let byteCount: Int
    /// Writes the bytes of one sample.
    let write: (Sample, UnsafeMutableRawBufferPointer) -> Void
  }

  private let session: Session
  private let preprocessor: Preprocessor
  private let augmentation: Augmentation
  private let model: Model?
  private let cached: CachedModel?
  private static let batchSize = 8
  /// Share of the pictures that may fail to decode.
  private static let tolerableFailures = 0.01

  /// Runs of `session` over pictures that `preprocessor` reads and `augmentation` varies; results that `cached` holds
  /// are taken from there, and others kept there. `model` is the session's: numbers that are not finite are traced in it.
  package init(
    _ session: Session, _ preprocessor: Preprocessor, augmentation: Augmentation = .none,
    model: Model? = nil, cached: CachedModel? = nil
  ) {
    (self.session, self.preprocessor, self.augmentation) = (session, preprocessor, augmentation)
    (self.model, self.cached) = (model, cached)
  }

  /// Calls `body` with each variant of each picture that decodes, in order.
  ///
  /// - Throws: `MethodError.tooManyFailures`, `failuresInSuccession`, `noPictures`, `notFinite`, or `runtime` where the
  ///   session can't run.
  package func run(
    over pictures: LabelledPictures, progress: Progress = { _, _ in }, _ body: (Sample) -> Void
  ) throws(MethodError) -> Summary {
    guard cached != nil else {
      var summary = Summary(limit: pictures.maximumFailures)
      let start = MonotonicClock.nanoseconds()
      let all = Array(0..<pictures.count * augmentation.variantCount)
      try compute(all, of: pictures, &summary, progress: progress) { sample, _, _ in body(sample) }
      return try finished(&summary, since: start, pictures)
    }
    let (classes, width) = (session.classCount, session.featureCount)
    let content = Content(name: "logits and features", byteCount: 4 * (classes + width)) { sample, bytes in
      bytes.copyMemory(from: UnsafeRawBufferPointer(sample.logits))
      UnsafeMutableRawBufferPointer(rebasing: bytes[(4 * classes)...]).copyMemory(
        from: UnsafeRawBufferPointer(sample.features))
    }
    let variants = augmentation.variantCount
    return try run(over: pictures, content, progress: progress) { index, bytes in
      // Both buffers are as aligned as their floats.
      let floats = bytes.assumingMemoryBound(to: Float.self)
      body(
        Sample(
          index: index / variants, variant: index % variants,
          logits: UnsafeBufferPointer(rebasing: floats[..<classes]),
          features: UnsafeBufferPointer(rebasing: floats[classes..<(classes + width)])))
    }
  }

  /// Calls `body` with the number of each sample that decodes, in order, and its bytes.
  ///
  /// - Throws: As the run whose body gets samples.
  package func run(
    over pictures: LabelledPictures, _ content: Content, progress: Progress = { _, _ in },
    _ body: (_ index: Int, UnsafeRawBufferPointer) -> Void
  ) throws(MethodError) -> Summary {
    var summary = Summary(limit: pictures.maximumFailures)
    let start = MonotonicClock.nanoseconds()
    let total = pictures.count * augmentation.variantCount
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: max(content.byteCount, 8), alignment: 8)
    defer { memory.deallocate() }
    let bytes = UnsafeMutableRawBufferPointer(rebasing: memory[..<content.byteCount])
    let records = cached.map {
      $0.cache.records(
        of: $0.key(session, preprocessor, augmentation, content: content.name),
        payloadByteCount: content.byteCount)
    }
    let length = records == nil ? total : Self.chunk(content.byteCount) * augmentation.variantCount
    for first in stride(from: 0, to: total, by: max(length, 1)) {
      let range = first..<min(first + length, total)
      var chunk = Chunk(range, of: pictures, augmentation, records)
      summary.cachedCount += chunk.found.count
      try compute(chunk.missing, of: pictures, &summary, progress: progress) { sample, index, isTurned in
        chunk.emit(upTo: index, into: bytes, body)
        content.write(sample, bytes)
        chunk.keep(index, isTurned: isTurned, UnsafeRawBufferPointer(bytes), records)
        body(index, UnsafeRawBufferPointer(bytes))
      }
      chunk.emit(upTo: range.upperBound, into: bytes, body)
      summary.images += chunk.emittedCount
      summary.turnedCount += chunk.turnedCount
      progress(range.upperBound, total)
    }
    return try finished(&summary, since: start, pictures)
  }

  /// Pictures that are looked up at a time, whose records take at most 64 MB.
  private static func chunk(_ byteCount: Int) -> Int { min(max((64 << 20) / max(byteCount, 1), 8), 512) }

  private func finished(
    _ summary: inout Summary, since start: UInt64, _ pictures: LabelledPictures
  ) throws(MethodError) -> Summary {
    summary.seconds = Double(MonotonicClock.nanoseconds() - start) / 1e9
    try check(summary, pictures)
    return summary
  }

  /// Decodes and runs the samples `indices`, ascending; `body` also gets a sample's number, and whether its picture has
  /// an orientation.
  private func compute(
    _ indices: [Int], of pictures: LabelledPictures, _ summary: inout Summary, progress: Progress,
    _ body: (_ sample: Sample, _ index: Int, _ isTurned: Bool) -> Void
  ) throws(MethodError) {
    guard !indices.isEmpty else { return }
    let variants = augmentation.variantCount
    let total = pictures.count * variants
    let stream = PictureStream(
      indices.map { pictures.entries[$0 / variants].path }, preprocessor, batchSize: Self.batchSize,
      workers: session.threadCount, transform: augmentation.transform(of: indices))
    defer { stream.stop() }
    var logits = [Float](repeating: 0, count: stream.batchSize * session.classCount)
    var features = [Float](repeating: 0, count: stream.batchSize * session.featureCount)
    while let batch = stream.nextBatch() {
      do { try infer(batch, &logits, &features) } catch { throw .runtime(error) }
      let failed = try count(batch, indices, of: pictures, &summary)
      let turned = Set(batch.turned)
      for (row, place) in batch.range.enumerated() where !failed.contains(place) {
        guard logits.hasFiniteRow(row, session.classCount), features.hasFiniteRow(row, session.featureCount)
        else { throw notFinite(batch, row, pictures.entries[indices[place] / variants].path) }
      }
      summary.turnedCount += batch.turned.count
      logits.withUnsafeBufferPointer { logits in
        features.withUnsafeBufferPointer { features in
          for (row, place) in batch.range.enumerated() where !failed.contains(place) {
            let index = indices[place]
            body(
              Sample(
                index: index / variants, variant: index % variants,
                logits: logits.row(row, session.classCount),
                features: features.row(row, session.featureCount)), index, turned.contains(place))
            summary.images += 1
          }
        }
      }
      progress(indices[batch.range.upperBound - 1] + 1, total)
    }
  }

  /// Counts the pictures of `batch` that failed; their places.
  private func count(
    _ batch: PictureStream.Batch, _ indices: [Int], of pictures: LabelledPictures, _ summary: inout Summary
  ) throws(MethodError) -> Set<Int> {
    let variants = augmentation.variantCount
    let errors = Dictionary(batch.failures.map { ($0.index, $0.error) }) { first, _ in first }
    for place in batch.range {
      let (number, variant) = indices[place].quotientAndRemainder(dividingBy: variants)
      guard let error = errors[place] else {
        summary.streak.end()
        continue
      }
      guard variant == 0 else { continue }
      let failure = Evaluation.Failure(path: pictures.entries[number].path, error: error)
      summary.failures.append(failure)
      summary.streak.add(failure, number: number)
      if summary.streak.isTooLong, let first = summary.streak.first {
        throw .failuresInSuccession(
          count: summary.streak.count, done: number + 1, pictures: pictures.count, first: first.path,
          first.error)
      }
    }
    return Set(errors.keys)
  }

  private func notFinite(_ batch: PictureStream.Batch, _ row: Int, _ path: String) -> MethodError {
    let length = batch.input.count / max(batch.range.count, 1)
    let input = Array(batch.input[row * length..<(row + 1) * length])
    let origin = model.map { NonFiniteSearch.origin(in: $0, of: input, options: session.options) }
    return .notFinite(input: path, origin ?? .unknown)
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
    let share = Double(summary.failures.damagedCount) / Double(max(pictures.count, 1))
    guard summary.images > 0, pictures.allowsFailures || share <= Self.tolerableFailures else {
      throw .tooManyFailures(
        failed: summary.failures.count, pictures: pictures.count, first: first.path, first.error)
    }
  }
}

extension [Float] {
  fileprivate func hasFiniteRow(_ row: Int, _ count: Int) -> Bool {
    withUnsafeBufferPointer { $0.row(row, count).firstNonFinite == nil }
  }
}

extension UnsafeBufferPointer {
  fileprivate func row(_ row: Int, _ count: Int) -> UnsafeBufferPointer {
    UnsafeBufferPointer(rebasing: self[row * count..<(row + 1) * count])
  }
}
