import FixresIR
import FixresRuntime

extension ActivationStatistics {
  /// The statistics of `model`'s pooled features over `pictures` at `resolution` (nil: its own); batch norms are folded in
  /// memory. This is a row of what `fixresc stats` measures.
  ///
  /// - Throws: `MethodError.noFeatures`, `pass` where the network does not work at the resolution, `runtime` where it can't
  ///   be run, and what the pictures show.
  public static func run(
    _ model: Model, over pictures: LabelledPictures, at resolution: Extent? = nil,
    session options: SessionOptions = SessionOptions(),
    progress: (_ done: Int, _ total: Int) -> Void = { _, _ in }
  ) throws(MethodError) -> ActivationStatistics {
    let (ready, session, preprocessor) = try PictureRun.opened(model, at: resolution, options)
    return try FeatureSet(session, preprocessor, pictures.unlabelled, model: ready, progress: progress)
      .statistics
  }
}
