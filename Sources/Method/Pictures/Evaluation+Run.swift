import FixresIR
import FixresImaging
import FixresRuntime

extension Evaluation {
  /// Classifies `limit` pictures of `folder` at even distances (nil: all); `model` is the session's, in which numbers that are not finite are traced.
  ///
  /// - Throws: `EvaluationError.nothingDecoded` or `noLogits`, or `MethodError.runtime` where the session can't run.
  package static func run(
    _ session: Session, over folder: ImageFolder, matching: ClassMatching, preprocessor: Preprocessor,
    limit: Int? = nil, maximumFailures: Int = FailureStreak.usualLimit, model: Model? = nil,
    cached: CachedModel? = nil, progress: (Int, Int) -> Void = { _, _ in }
  ) throws -> Evaluation {
    guard session.classCount > 0 else { throw EvaluationError.noLogits }
    var pictures = LabelledPictures(folder, matching, limit: limit)
    (pictures.allowsFailures, pictures.maximumFailures) = (true, maximumFailures)
    var result = Evaluation(matching.reading)
    do throws(MethodError) {
      let run = PictureRun(session, preprocessor, model: model, cached: cached)
      let summary = try run.run(over: pictures, progress: progress) { sample in
        result.count(sample.logits, Int(pictures.labels[sample.index]))
      }
      result.take(
        failures: summary.failures, turned: summary.turnedCount, cached: summary.cachedCount,
        seconds: summary.seconds)
    } catch {
      guard case .tooManyFailures(let failed, _, let path, let reason) = error else { throw error }
      throw EvaluationError.nothingDecoded(count: failed, first: path, reason)
    }
    return result
  }
}
