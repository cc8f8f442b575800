import FixresIR
import FixresImaging
import FixresRuntime

extension ResolutionSweep {
  /// How the rows of a sweep are measured.
  package struct Setup {
    /// Makes the preprocessor of the model at one resolution.
    package typealias PreprocessorMaker = (Model) throws(ImageError) -> Preprocessor

    /// The model, as it was trained or at any size.
    package let model: Model
    /// The labelled pictures.
    package let pictures: LabelledPictures
    /// Threads and exactness.
    package var session = SessionOptions()
    /// Keeps what the network gives for each picture.
    package var cache: FeatureCache?
    /// How pictures are read.
    package var preprocessor: PreprocessorMaker

    /// Measures `model` over `pictures`, which are read as the model's metadata says.
    package init(_ model: Model, over pictures: LabelledPictures) {
      (self.model, self.pictures) = (model, pictures)
      preprocessor = { (model) throws(ImageError) in
        try Preprocessor(model.metadata.preprocessing, size: model.graph.resolution)
      }
    }
  }

  /// Rounds in which latencies are measured.
  package static let latencyRounds = 3

  /// Measures `model` over `pictures` at `resolutions` and at the training resolution, sides in pixels: accuracy and loss
  /// at each, then latencies, all sizes in turn. This is what `fixresc sweep` does.
  ///
  /// - Throws: `MethodError.unknownTrainResolution`, `evaluation` where pictures or model have no classes, `pass` where the
  ///   network does not work at a resolution, `runtime` where it can't be run, and what the pictures show.
  public static func run(
    _ model: Model, over pictures: LabelledPictures, resolutions: [Int],
    session: SessionOptions = SessionOptions(),
    progress: (_ phase: String, _ done: Int, _ total: Int) -> Void = { _, _, _ in }
  ) throws(MethodError) -> ResolutionSweep {
    guard let train = model.metadata.trainResolution else { throw .unknownTrainResolution }
    try pictures.requireClasses(of: model)
    guard let reading = pictures.reading else { throw .evaluation(.unlabelled(path: pictures.path)) }
    var setup = Setup(model, over: pictures)
    setup.session = session
    let baseline = min(train.height, train.width)
    var sweep = ResolutionSweep(rows: [], baseline: baseline)
    for side in Set(resolutions + [baseline]).sorted() {
      sweep.rows.append(
        try row(setup, at: side, ClassificationScore(reading)) { progress("\(side)", $0, $1) }.row)
    }
    try sweep.measureLatencies(setup) { progress("latency", $0, $1) }
    return sweep
  }

  /// The row of the resolution `side`, without its latency, and how the run over the pictures went; outcomes are added to
  /// `score`, which is empty.
  ///
  /// - Throws: `MethodError.pass`, `runtime`, `image`, and what the pictures show.
  package static func row(
    _ setup: Setup, at side: Int, _ score: ClassificationScore, progress: (Int, Int) -> Void
  ) throws(MethodError) -> (row: Row, summary: PictureRun.Summary) {
    let ready = try ready(setup.model, at: side)
    let session: Session
    do { session = try Session(model: ready, options: setup.session) } catch { throw .runtime(error) }
    let preprocessor: Preprocessor
    do { preprocessor = try setup.preprocessor(ready) } catch { throw .image(error) }
    var score = score
    let labels = setup.pictures.labels
    let run = PictureRun(
      session, preprocessor, model: ready, cached: CachedModel(ready, in: setup.cache))
    let reading = score.reading
    let needs = PictureRun.Needs(logits: score.keepsLogits, features: false, reading: reading)
    let summary = try run.run(over: setup.pictures, needs, progress: progress) { sample in
      let label = Int(labels[sample.index])
      score.add(sample.outcome(label, reading), logits: sample.logits, label: label)
    }
    let ratio = setup.model.metadata.trainResolution.map {
      Geometry.expectedSizeRatio(
        train: min($0.height, $0.width), test: side, preprocessing: preprocessor.description)
    }
    let row = Row(
      resolution: side, score: score, latency: Latency(), imagesPerSecond: summary.imagesPerSecond,
      failures: summary.failures.count, macs: ready.graph.multiplyAccumulates, expectedSizeRatio: ratio)
    return (row, summary)
  }

  /// Times all rows in turn, several times over, so that a disturbance does not look like the latency of one.
  ///
  /// - Throws: `MethodError.pass`, `runtime`.
  package mutating func measureLatencies(
    _ setup: Setup, progress: (Int, Int) -> Void
  ) throws(MethodError) {
    for round in 0..<Self.latencyRounds {
      for index in rows.indices {
        let ready = try Self.ready(setup.model, at: rows[index].resolution)
        do {
          try rows[index].latency.measure(Session(model: ready, options: setup.session))
        } catch {
          throw .runtime(error)
        }
        progress(round * rows.count + index + 1, Self.latencyRounds * rows.count)
      }
    }
  }

  private static func ready(_ model: Model, at side: Int) throws(MethodError) -> Model {
    do { return try Trunk.ready(model, at: Extent(square: side)) } catch { throw .pass(error) }
  }
}
