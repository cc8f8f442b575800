import FixresBase
import FixresIR
import FixresImaging
import FixresMethod

/// The options of `adapt` that adapt statistics or features at the new size, and what is printed of them.
struct FeatureAdaptationOptions {
  static let statistics = Option(
    "--bn-statistics", "DIR", kind: .folder(.input),
    "take batch-norm statistics anew from the pictures in DIR, without labels")
  static let layers = Option(
    "--bn-layers", "WHICH", kind: .choice(BatchNormLayers.allCases.map(\.rawValue)),
    "last: the last batch norm (default); all: every one, each after those before it")
  static let prior = Option(
    "--bn-prior", "N", kind: .number(0...1e9), "let the old statistics count as N pictures (default 0)")
  static let equalize = Option(
    "--equalize", "DIR", kind: .folder(.input),
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
  private var console: Console { invocation.console }

  init(_ invocation: Invocation) throws(UsageError) {
    self.invocation = invocation
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

  /// Puts what was asked for into `options`.
  func apply(to options: inout AdaptationOptions) throws {
    if let path = invocation.text(Self.statistics) {
      var batchNorms = AdaptationOptions.BatchNorms(pictures: try pictures(path))
      batchNorms.layers = invocation.text(Self.layers).flatMap(BatchNormLayers.init) ?? .last
      batchNorms.prior = invocation.number(Self.prior) ?? 0
      options.batchNorms = batchNorms
    }
    if let path = invocation.text(Self.equalize) {
      var law = AdaptationOptions.FeatureLaw(pictures: try pictures(path))
      law.isAbsorbed = invocation.has(Self.linear)
      options.featureLaw = law
    }
    options.usesTestPool = invocation.has(Self.testPool)
  }

  private func pictures(_ path: String) throws -> LabelledPictures {
    try LabelledFolder.unlabelled(path, invocation, limit: invocation.integer(LabelledFolder.limit))
  }

  // MARK: - Results

  func show(_ outcome: BatchNormAdaptation.Outcome) {
    console.line(
      "bn-statistics  \(Text.count(outcome.norms, "batch norm")) from \(Text.count(outcome.images, "picture")), "
        + "means moved by up to \(Text.fixed(outcome.greatestShift, 2)) deviations")
  }

  func show(_ equalisation: Equalisation) {
    let (scale, offset) = equalisation.map
    console.line(
      "equalize       x -> \(Text.fixed(scale, 4)) x \(offset < 0 ? "-" : "+") \(Text.fixed(abs(offset), 4))"
        + (invocation.has(Self.linear) ? ", absorbed in the classifier" : " for x > 0"))
  }

  func showTestPool(_ train: Extent) {
    console.line("test-pool      windows of the map at \(train); pictures are no longer cropped by a margin")
  }

  /// The member `adaptations`; nil where nothing was asked for.
  func object(_ features: FeatureAdaptations, _ options: AdaptationOptions) -> JSON? {
    var done = JSON.Object()
    if let outcome = features.batchNorms, let asked = options.batchNorms {
      done["bn_statistics"] = [
        "layers": .string(asked.layers.rawValue), "norms": JSON(outcome.norms),
        "images": JSON(outcome.images), "prior": JSON(asked.prior),
        "greatest_shift": JSON(outcome.greatestShift),
      ]
    }
    if let equalisation = features.equalisation, let asked = options.featureLaw {
      func pair(_ law: FrechetLaw) -> JSON { ["mu": JSON(law.mu), "sigma": JSON(law.sigma)] }
      done["equalize"] = [
        "scale": JSON(equalisation.map.scale), "offset": JSON(equalisation.map.offset),
        "test": pair(equalisation.test), "train": pair(equalisation.reference),
        "images": JSON(asked.pictures.count),
      ]
    }
    if let train = features.testPool { done["test_pool"] = ["train_resolution": train.json] }
    return done.members.isEmpty ? nil : .object(done)
  }
}
