import FixresBase
import FixresIR
import FixresImaging
import FixresRuntime

/// Runs a network over pictures, each from its file to its results on one thread.
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
    /// What the logits are worth, where others have computed it.
    private let known: ClassificationOutcome?

    init(
      index: Int, variant: Int, logits: UnsafeBufferPointer<Float>, features: UnsafeBufferPointer<Float>,
      outcome: ClassificationOutcome? = nil
    ) {
      (self.index, self.variant, self.logits, self.features) = (index, variant, logits, features)
      known = outcome
    }

    /// What the logits are worth under `reading`, that of the run, where class `label` is right.
    package func outcome(_ label: Int, _ reading: ScoreReading) -> ClassificationOutcome {
      known ?? ClassificationOutcome(logits, label, reading)
    }
  }

  /// What the body of a run reads of each sample.
  package struct Needs {
    /// Whether it reads logits.
    package var logits = true
    /// Whether it reads features.
    package var features = true
    /// How it reads what logits are worth; nil where it does not.
    package var reading: ScoreReading?

    /// Logits and features, or what is stated.
    package init(logits: Bool = true, features: Bool = true, reading: ScoreReading? = nil) {
      (self.logits, self.features, self.reading) = (logits, features, reading)
    }
  }

  /// How a run went.
  package struct Summary: Sendable {
    /// Number of samples that were run.
    package var images = 0
    /// Pictures that could not be decoded.
    package var failures = PictureFailures()
    /// Failures in succession up to the last picture.
    var streak = FailureStreak(limit: .max)
    /// Number of samples whose EXIF orientation is not 1.
    package var turnedCount = 0
    /// Number of samples whose results were kept by an earlier run.
    package var cachedCount = 0
    /// Wall-clock time, decoding included.
    package var seconds = 0.0

    /// A run over no pictures.
    package init() {}

    init(limit: Int) { streak = FailureStreak(limit: limit) }

    /// Throughput, decoding included.
    package var imagesPerSecond: Double { seconds > 0 ? Double(images) / seconds : 0 }
  }

  let session: Session
  let preprocessor: Preprocessor
  let augmentation: Augmentation
  let model: Model?
  let cached: CachedModel?
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

  /// Calls `body` with each variant of each picture that decodes, in order; where others compute the samples, they have
  /// what `needs` states alone.
  ///
  /// - Throws: `MethodError.tooManyFailures`, `failuresInSuccession`, `noPictures`, `notFinite`, `runtime` where the
  ///   session can't run, or `workers` where others compute and fail.
  package func run(
    over pictures: LabelledPictures, _ needs: Needs = Needs(), progress: Progress = { _, _ in },
    _ body: (Sample) -> Void
  ) throws(MethodError) -> Summary {
    guard let cached else {
      var summary = Summary(limit: pictures.maximumFailures)
      let start = MonotonicClock.nanoseconds()
      let all = Array(0..<pictures.count * augmentation.variantCount)
      try compute(all, of: pictures, &summary, progress: progress) { sample, _, _ in body(sample) }
      return try finished(&summary, since: start, pictures)
    }
    let (classes, width) = (session.classCount, session.featureCount)
    var content = SampleContent.results(logits: classes, features: width, reading: nil)
    if cached.cache.workers != nil {
      content = .results(
        logits: needs.logits ? classes : 0, features: needs.features ? width : 0,
        reading: classes > 0 ? needs.reading : nil)
    }
    let variants = augmentation.variantCount
    return try run(over: pictures, content, progress: progress) { index, bytes in
      body(content.sample(index, variants: variants, bytes))
    }
  }

  /// Calls `body` with the number of each sample that decodes, in order, and its bytes.
  ///
  /// - Throws: As the run whose body gets samples.
  package func run(
    over pictures: LabelledPictures, _ content: SampleContent, progress: Progress = { _, _ in },
    _ body: (_ index: Int, UnsafeRawBufferPointer) -> Void
  ) throws(MethodError) -> Summary {
    if let cached, let workers = cached.cache.workers {
      return try run(by: workers, cached.model, over: pictures, content, body)
    }
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
        content.write(sample, label: Int(pictures.labels[sample.index]), to: bytes)
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

  func finished(
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
    let total = pictures.count * augmentation.variantCount
    let pass: PicturePass
    do { pass = try PicturePass(session, preprocessor, limit: indices.count) } catch { throw .runtime(error) }
    var first = 0
    while first < indices.count {
      let part = Array(indices[first..<min(first + pass.stride, indices.count)])
      do {
        try pass.run(part.count) { (row) throws(ImageError) in try input(part[row], of: pictures) }
      } catch {
        throw .runtime(error)
      }
      try take(pass, samples: part, of: pictures, &summary, body)
      first += part.count
      progress(part[part.count - 1] + 1, total)
    }
  }

  /// The network's input for sample `index`.
  private func input(
    _ index: Int, of pictures: LabelledPictures
  ) throws(ImageError) -> PicturePass.Input {
    try PicturePass.input(
      fromFile: pictures.entries[index / augmentation.variantCount].path, preprocessor,
      transform: augmentation.transform(of: index))
  }

  /// Hands the results of the samples `indices`, which `pass` has run, to `body`.
  private func take(
    _ pass: PicturePass, samples indices: [Int], of pictures: LabelledPictures, _ summary: inout Summary,
    _ body: (_ sample: Sample, _ index: Int, _ isTurned: Bool) -> Void
  ) throws(MethodError) {
    let variants = augmentation.variantCount
    try count(pass, indices, of: pictures, &summary)
    for (row, index) in indices.enumerated() where pass.failure(row) == nil {
      let (logits, features) = (pass.logits(row), pass.features(row))
      guard logits.firstNonFinite == nil, features.firstNonFinite == nil else {
        throw notFinite(index, of: pictures)
      }
      let isTurned = pass.isTurned(row)
      if isTurned { summary.turnedCount += 1 }
      body(
        Sample(index: index / variants, variant: index % variants, logits: logits, features: features), index,
        isTurned)
      summary.images += 1
    }
  }

  /// Counts the pictures of `indices` that failed.
  private func count(
    _ pass: PicturePass, _ indices: [Int], of pictures: LabelledPictures, _ summary: inout Summary
  ) throws(MethodError) {
    for (row, index) in indices.enumerated() {
      let (number, variant) = index.quotientAndRemainder(dividingBy: augmentation.variantCount)
      guard let error = pass.failure(row) else {
        summary.streak.end()
        continue
      }
      guard variant == 0 else { continue }
      try Self.count(error, of: number, pictures, &summary)
    }
  }

  /// Counts the picture `number`, which failed.
  static func count(
    _ error: ImageError, of number: Int, _ pictures: LabelledPictures, _ summary: inout Summary
  ) throws(MethodError) {
    let failure = Evaluation.Failure(path: pictures.entries[number].path, error: error)
    summary.failures.append(failure)
    summary.streak.add(failure, number: number)
    if summary.streak.isTooLong, let first = summary.streak.first {
      throw .failuresInSuccession(
        count: summary.streak.count, done: number + 1, pictures: pictures.count, first: first.path,
        first.error)
    }
  }

  /// What makes the results of sample `index` numbers that are not finite: its input is made once more.
  func notFinite(_ index: Int, of pictures: LabelledPictures) -> MethodError {
    let path = pictures.entries[index / augmentation.variantCount].path
    guard let model, case .picture(let picture, _) = try? input(index, of: pictures) else {
      return .notFinite(input: path, .unknown)
    }
    let origin = NonFiniteSearch.origin(
      in: model, of: preprocessor.input(from: picture), options: session.options)
    return .notFinite(input: path, origin)
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
