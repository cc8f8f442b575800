import FixresIR
import FixresImaging
import FixresRuntime

extension Evaluation {
  /// Measures `model` over `pictures` at `resolution` (nil: its own); batch norms are folded in memory. This is what
  /// `fixresc eval` does.
  ///
  /// - Throws: `MethodError.evaluation` where pictures or model have no classes or no picture can be decoded, `pass` where
  ///   the network does not work at the resolution, `runtime` where it can't be run, `notFinite`, `failuresInSuccession`.
  public static func run(
    _ model: Model, over pictures: LabelledPictures, at resolution: Extent? = nil,
    session options: SessionOptions = SessionOptions(),
    progress: (_ done: Int, _ total: Int) -> Void = { _, _ in }
  ) throws(MethodError) -> Evaluation {
    try pictures.requireClasses(of: model)
    let (ready, session, preprocessor) = try PictureRun.opened(model, at: resolution, options)
    return try run(session, over: pictures, preprocessor: preprocessor, model: ready, progress: progress)
  }

  /// Classifies `pictures`, of which any number may fail; `model` is the session's, in which numbers that are not finite
  /// are traced.
  ///
  /// - Throws: `MethodError.evaluation`, `runtime` where the session can't run, `notFinite`, `failuresInSuccession`.
  package static func run(
    _ session: Session, over pictures: LabelledPictures, preprocessor: Preprocessor, model: Model? = nil,
    cached: CachedModel? = nil, progress: (Int, Int) -> Void = { _, _ in }
  ) throws(MethodError) -> Evaluation {
    guard session.classCount > 0 else { throw .evaluation(.noLogits) }
    guard let reading = pictures.reading else { throw .evaluation(.unlabelled(path: pictures.path)) }
    var pictures = pictures
    pictures.allowsFailures = true
    var result = Evaluation(reading)
    do {
      let run = PictureRun(session, preprocessor, model: model, cached: cached)
      let needs = PictureRun.Needs(logits: false, features: false, reading: reading)
      let summary = try run.run(over: pictures, needs, progress: progress) { sample in
        result.count(sample.outcome(Int(pictures.labels[sample.index]), reading))
      }
      result.take(
        failures: summary.failures, turned: summary.turnedCount, cached: summary.cachedCount,
        seconds: summary.seconds)
    } catch {
      guard case .tooManyFailures(let failed, _, let path, let reason) = error else { throw error }
      throw .evaluation(.nothingDecoded(count: failed, first: path, reason))
    }
    return result
  }
}

extension PictureRun {
  /// `model` at `size` (nil: its own), folded and fused, with its session and preprocessing.
  static func opened(
    _ model: Model, at size: Extent?, _ options: SessionOptions
  ) throws(MethodError) -> (model: Model, session: Session, preprocessor: Preprocessor) {
    let ready: Model
    do { ready = try Trunk.ready(model, at: size) } catch { throw .pass(error) }
    let session: Session
    do { session = try Session(model: ready, options: options) } catch { throw .runtime(error) }
    do {
      return (ready, session, try Preprocessor(ready.metadata.preprocessing, size: ready.graph.resolution))
    } catch {
      throw .image(error)
    }
  }
}
