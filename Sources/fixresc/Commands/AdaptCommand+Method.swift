import FixresBase
import FixresIR
import FixresImaging
import FixresMethod
import FixresPasses
import FixresRuntime

/// What `adapt` does to the unfolded model at its new size, where it is asked to.
struct MethodAdaptations {
  static let statistics = Option(
    "--bn-statistics", "DIR", .folder,
    "take batch-norm statistics anew from the pictures in DIR, without labels")
  static let layers = Option(
    "--bn-layers", "WHICH", .choice(BatchNormAdaptation.Layers.allCases.map(\.rawValue)),
    "last: the last batch norm (default); all: every one, each after those before it")
  static let prior = Option(
    "--bn-prior", "N", .number(0...1e9), "let the old statistics count as N pictures (default 0)")
  static let equalize = Option(
    "--equalize", "DIR", .folder,
    "map the pooled features onto their law at the training resolution, learned from the pictures in DIR")
  static let linear = Option(
    "--equalize-linear", "absorb that map in the classifier, zeros and negative values included")
  static let testPool = Option(
    "--test-pool", "classify windows of the training map and take half their mean and half their maximum")

  static let group = OptionGroup(
    "Adaptation to the new size",
    [
      statistics, layers, prior, equalize, linear, testPool, LabelledFolder.limit,
      LabelledFolder.allowFailures,
    ])

  private let invocation: Invocation
  private let source: Model
  private var console: Console { invocation.console }

  init(_ invocation: Invocation, source: Model) throws(UsageError) {
    (self.invocation, self.source) = (invocation, source)
    for option in [Self.layers, Self.prior]
    where invocation.has(option) && !invocation.has(Self.statistics) {
      throw invocation.conflict("\(option.name) needs --bn-statistics DIR")
    }
    if invocation.has(Self.linear), !invocation.has(Self.equalize) {
      throw invocation.conflict("--equalize-linear needs --equalize DIR")
    }
    if invocation.has(Self.testPool), invocation.has(Self.equalize) {
      throw invocation.conflict(
        "--test-pool keeps the training size's statistics; --equalize can't go with it")
    }
  }

  /// Whether there is anything to do.
  var isWanted: Bool {
    [Self.statistics, Self.equalize, Self.testPool].contains { invocation.has($0) }
  }

  /// Adapts `model`, and says what was done in `object`.
  func apply(to model: inout Model, _ object: inout JSON.Object) throws {
    var done = JSON.Object()
    if let path = invocation.text(Self.statistics) { done["bn_statistics"] = try renew(&model, path) }
    if let path = invocation.text(Self.equalize) { done["equalize"] = try equalise(&model, path) }
    if invocation.has(Self.testPool) { done["test_pool"] = try pool(&model) }
    object["adaptations"] = .object(done)
  }

  private func pictures(_ path: String) throws -> LabelledPictures {
    try LabelledFolder.unlabelled(path, invocation, limit: invocation.integer(LabelledFolder.limit))
  }

  private func renew(_ model: inout Model, _ path: String) throws -> JSON {
    var adaptation = BatchNormAdaptation()
    adaptation.layers =
      invocation.text(Self.layers).flatMap(BatchNormAdaptation.Layers.init) ?? .last
    adaptation.prior = invocation.number(Self.prior) ?? 0
    adaptation.options = ModelSource.sessionOptions(invocation)
    var bar = Progress("statistics", total: 1, on: console)
    let outcome = try adaptation.apply(
      to: &model, pictures: try pictures(path),
      preprocessor: try PictureSource.preprocessor(for: model, invocation)
    ) { pass, passes, done, total in
      bar.update(pass * total + done, of: passes * total)
    }
    bar.finish()
    console.line(
      "bn-statistics  \(Text.count(outcome.norms, "batch norm")) from \(Text.count(outcome.images, "picture")), "
        + "means moved by up to \(Text.fixed(outcome.greatestShift, 2)) deviations")
    return [
      "layers": .string(adaptation.layers.rawValue), "norms": JSON(outcome.norms),
      "images": JSON(outcome.images), "prior": JSON(adaptation.prior),
      "greatest_shift": JSON(outcome.greatestShift),
    ]
  }

  private func equalise(_ model: inout Model, _ path: String) throws -> JSON {
    guard let train = source.metadata.trainResolution else { throw MethodError.unknownTrainResolution }
    let pictures = try pictures(path)
    let reference = try law(of: source, at: train, pictures)
    let test = try law(of: model, at: model.graph.resolution, pictures)
    let map = Equalisation(test: test, reference: reference)
    if invocation.has(Self.linear) { try map.absorb(into: &model) } else { try map.insert(into: &model) }
    let offset = map.map.offset
    console.line(
      "equalize       x -> \(Text.fixed(map.map.scale, 4)) x \(offset < 0 ? "-" : "+") \(Text.fixed(abs(offset), 4))"
        + (invocation.has(Self.linear) ? ", absorbed in the classifier" : " for x > 0"))
    func pair(_ law: FrechetLaw) -> JSON { ["mu": JSON(law.mu), "sigma": JSON(law.sigma)] }
    return [
      "scale": JSON(map.map.scale), "offset": JSON(offset), "test": pair(test), "train": pair(reference),
      "images": JSON(pictures.count),
    ]
  }

  private func law(of model: Model, at size: Extent, _ pictures: LabelledPictures) throws -> FrechetLaw {
    let ready = try Trunk.ready(model, at: size)
    var bar = Progress("features at \(size)", total: pictures.count, on: console)
    let set = try FeatureSet(
      try ModelSource.session(ready, invocation), try PictureSource.preprocessor(for: ready, invocation),
      pictures, progress: { bar.update($0, of: $1) })
    bar.finish()
    guard let fit = set.statistics.frechet else { throw MethodError.noFrechetFit(resolution: size) }
    return fit.law
  }

  private func pool(_ model: inout Model) throws -> JSON {
    guard let train = source.metadata.trainResolution else { throw MethodError.unknownTrainResolution }
    try TestPool.apply(to: &model, train: train)
    console.line("test-pool      windows of the map at \(train); pictures are no longer cropped by a margin")
    return ["train_resolution": ErrorReport.size(train)]
  }
}
