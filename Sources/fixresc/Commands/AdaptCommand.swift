import FixresBase
import FixresIR
import FixresImaging
import FixresMethod
import FixresPasses
import FixresRuntime

private enum Options {
  static let to = Option(
    "--to", "K|HxW", kind: .size, "test resolution: a side, or height x width (default: the model's)")
  static let passes = Option(
    "--passes", "LIST", kind: .text, "passes to run, between commas (default: all, in their order)")
  static let verify = Option(
    "--verify",
    "run the network before and after each pass through the reference interpreter, and the references that the model "
      + "keeps; read the written file back")
  static let noProof = Option("--no-proof", "do not run the model before and after to compare the logits")
  static let printBefore = Option(
    "--print-ir-before", "P", kind: .text, "print the graph before the pass P (or all) on stderr")
  static let printAfter = Option(
    "--print-ir-after", "P", kind: .text, "print the graph after the pass P (or all) on stderr")
  static let verifyEach = Option("--verify-each", "verify the graph after every pass")
  static let timePasses = Option("--time-passes", "show each pass's time")
  static let stopAfter = Option(
    "--stop-after-rewrites", "N", kind: .integer(0...Int.max),
    "do only the first N rewrites, to find a wrong one")
}

extension Command {
  static let adapt = Command(
    "adapt", "retarget a model to a test resolution, fold its batch norms and fuse its layers",
    example: "fixresc adapt resnet50.pth --to 384 -o resnet50-384.bin",
    details:
      "The output is written beside its place and moved there once it is whole; a model file may be its own output.",
    arguments: [Shared.modelArgument],
    groups: [
      OptionGroup(
        "Options",
        [Shared.output, Options.to, Options.verify, Options.noProof, KernelTuning.tune, WeightStorage.pack]),
      FeatureAdaptationOptions.group,
      OptionGroup(
        "Passes",
        [
          Options.passes, Options.verifyEach, Options.timePasses, Options.printBefore, Options.printAfter,
          Options.stopAfter,
        ]),
      Shared.pictures, Shared.model, Shared.engine,
    ],
    worksInPlace: true,
    run: { try AdaptRun($0).run() })
}

/// One run of `adapt`.
private final class AdaptRun {
  private let invocation: Invocation
  private let console: Console
  private let features: FeatureAdaptationOptions
  private let tuning: KernelTuning
  private let packing: WeightStorage
  /// The bar of the phase that is running.
  private var bar: Progress?
  private var phase = ""

  init(_ invocation: Invocation) throws {
    self.invocation = invocation
    console = invocation.console
    features = try FeatureAdaptationOptions(invocation)
    (tuning, packing) = (KernelTuning(console), WeightStorage(console))
  }

  func run() throws -> JSON.Object {
    try checkPassNames()
    let source = try ModelSource.open(invocation.arguments[0], invocation)
    let options = try adaptationOptions()
    let adaptation = Adaptation(
      source.model, options: options,
      preprocessor: { [invocation] (model) throws(ImageError) in
        try PictureSource.preprocessor(for: model, invocation)
      },
      observe: { [unowned self] in observe($0) })
    let result = try adaptation.run()
    let references = try checkReferences(of: result.model, source.model, options.session)
    try write(result.model, to: invocation.text(Shared.output) ?? "")
    var object = object(result, options)
    if let references { object["references"] = references }
    return object
  }

  private func adaptationOptions() throws -> AdaptationOptions {
    var options = AdaptationOptions()
    options.resolution = invocation.size(Options.to).map { Extent($0.height, $0.width) }
    options.passes = invocation.list(Options.passes)
    options.proves = !invocation.has(Options.noProof)
    options.verifiesPasses = invocation.has(Options.verify)
    options.tunes = invocation.has(KernelTuning.tune)
    options.packs = invocation.has(WeightStorage.pack)
    options.session = ModelSource.sessionOptions(invocation)
    options.driver = try passOptions()
    try features.apply(to: &options)
    return options
  }

  /// Refuses a pass that does not exist as a usage error, with the nearest spelling.
  private func checkPassNames() throws(UsageError) {
    for option in [Options.passes, Options.printBefore, Options.printAfter] {
      let extra = option == Options.passes ? [] : ["all"]
      let known = Pipeline.defaultNames + extra
      for name in invocation.list(option) ?? [] where !known.contains(name) {
        throw UsageError(
          kind: .badValue(
            option: option.name, value: name, expected: "passes among " + known.joined(separator: ", ")),
          suggestion: Suggestion.nearest(to: name, among: known), command: invocation.command.name)
      }
    }
  }

  private func passOptions() throws(PassError) -> PassOptions {
    var options = PassOptions()
    options.verifyEach = invocation.has(Options.verifyEach)
    options.stopAfterRewrites = invocation.integer(Options.stopAfter)
    if let text = invocation.text(Options.printBefore) {
      options.printBefore = try PassSelection(parsing: text)
    }
    if let text = invocation.text(Options.printAfter) {
      options.printAfter = try PassSelection(parsing: text)
    }
    return options
  }

  // MARK: - While it runs

  private func observe(_ event: AdaptationEvent) {
    switch event {
    case .pictures(let name, let done, let total): advance(name, done, total)
    case .tuning(let done, let total): advance("tuning", done, total)
    default:
      bar?.finish()
      (bar, phase) = (nil, "")
      show(event)
    }
  }

  private func advance(_ name: String, _ done: Int, _ total: Int) {
    if name != phase {
      bar?.finish()
      (phase, bar) = (name, Progress(name, total: total, on: console))
    }
    bar?.update(done, of: total)
  }

  private func show(_ event: AdaptationEvent) {
    switch event {
    case .pass(.graphBefore(let pass, let graph)):
      console.sayBlock("// before \(pass)\n" + GraphPrinter.text(of: graph))
    case .pass(.graphAfter(let pass, let graph)):
      console.sayBlock("// after \(pass)\n" + GraphPrinter.text(of: graph))
    case .pass(.finished), .pass(.changed), .pictures, .tuning: break
    case .renewedBatchNorms(let outcome): features.show(outcome)
    case .equalised(let equalisation): features.show(equalisation)
    case .usedTestPool(let train): features.showTestPool(train)
    case .note(let note): tell(note)
    case .rewritten(let result):
      showPasses(result)
      showVerifications(result)
      showSize(result.model)
    case .proved(let proof):
      console.line("proof          greatest difference of a logit " + figures(proof))
    case .provedHead(let proof):
      console.line("               rewritten head at \(proof.resolution): " + figures(proof))
    case .provedElsewhere(let proof):
      console.line("               and at \(proof.resolution): " + figures(proof))
    case .tuned(let outcome): tuning.show(outcome)
    case .packed(let summary): packing.show(summary)
    case .droppedPacked(let count): packing.showDropped(count)
    }
  }

  private func figures(_ proof: Proof) -> String {
    "\(Text.significant(Double(proof.deviation.difference))), "
      + "of the largest \(Text.significant(Double(proof.deviation.magnitude)))"
  }

  private func tell(_ note: PassNote) {
    switch note {
    case .alreadyAtResolution, .batchNormAlreadyFolded: console.note("fixresc: note: \(note)")
    case .smallResolution, .negativeVariance, .nonFinite: console.warn("\(note)")
    }
  }

  private func showPasses(_ result: AdaptedModel) {
    let isTimed = invocation.has(Options.timePasses)
    var table = Table(
      [.left, .right] + (isTimed ? [.right] : []), header: ["pass", "rewrites"] + (isTimed ? ["ms"] : []))
    for pass in result.passes {
      table.add(
        [pass.name, Text.grouped(pass.rewrites)] + (isTimed ? [Text.fixed(pass.milliseconds, 2)] : []))
    }
    if isTimed {
      table.add(["", "", Text.fixed(result.passes.reduce(0) { $0 + $1.milliseconds }, 2)])
    }
    console.lines(table.lines())
    console.line()
    let ratio = Double(result.macsAfter) / Double(max(result.macsBefore, 1))
    console.line(
      "MACs           \(Text.scaled(Double(result.macsBefore))) -> \(Text.scaled(Double(result.macsAfter))) "
        + "(x \(Text.fixed(ratio, 2)))")
  }

  /// What each pass changed of the outputs.
  private func showVerifications(_ result: AdaptedModel) {
    for (index, found) in result.verifications.enumerated() {
      console.line(
        (index == 0 ? "verified       " : "               ")
          + "\(found.pass): greatest difference of an output \(Text.significant(Double(found.deviation.difference))), "
          + "of the largest \(Text.significant(Double(found.deviation.magnitude))), at \(found.resolution)")
    }
    if !result.unverifiedPasses.isEmpty {
      console.warn(
        "too large for the reference interpreter, so not verified: "
          + result.unverifiedPasses.joined(separator: ", "))
    }
  }

  /// Objects that look more than this much larger or smaller than in training are worth a fine-tuning.
  private static let worthFineTuning = 1.25

  /// How large objects look at test beside training; nil where the training resolution is unknown.
  private func sizeRatio(_ model: Model) -> Double? {
    let test = model.graph.resolution
    return model.metadata.trainResolution.map { train in
      Geometry.expectedSizeRatio(
        train: min(train.height, train.width), test: min(test.height, test.width),
        preprocessing: model.metadata.preprocessing)
    }
  }

  private func showSize(_ model: Model) {
    let test = model.graph.resolution
    guard let train = model.metadata.trainResolution, let ratio = sizeRatio(model) else {
      console.line("apparent size  unknown, as the training resolution is (--train-resolution K tells it)")
      return
    }
    let side = min(train.height, train.width)
    let matched = Geometry.matchedTestSide(train: side, cropShare: model.metadata.preprocessing.cropShare)
    console.line(
      "apparent size  \(Text.fixed(ratio, 2)) of the size in training (trained at \(train), tested at \(test); "
        + "1.00 at \(matched))")
    if let advice = advice(model) { console.line("               " + advice) }
  }

  /// What to do about the apparent size at test; nil where it needs nothing.
  ///
  /// A classifier that was fine-tuned expects objects as large as they look at that size under the test transform, and
  /// that grows with the size alone.
  private func advice(_ model: Model) -> String? {
    let test = model.graph.resolution
    if let file = model.metadata.overlaidFile {
      return "fine-tuned parameters from \(file): right at the size that they were tuned at"
    }
    if let tuned = model.metadata.fineTunedResolution {
      guard tuned != test else { return "fine-tuned at \(test), so the classifier expects that" }
      let ratio = Double(min(test.height, test.width)) / Double(max(min(tuned.height, tuned.width), 1))
      guard max(ratio, 1 / ratio) > Self.worthFineTuning else {
        return "fine-tuned at \(tuned), which is near"
      }
      return
        "fine-tuned at \(tuned), where objects look \(Text.fixed(1 / ratio, 2)) times as large: fine-tuning at "
        + "\(test) is worth it"
    }
    guard let ratio = sizeRatio(model), max(ratio, 1 / ratio) > Self.worthFineTuning else { return nil }
    return "far from 1: fine-tuning at \(test) is worth it"
  }

  /// With `--verify`, runs the references of `model` at their own sizes; nil without.
  private func checkReferences(
    of model: Model, _ source: Model, _ session: SessionOptions
  ) throws -> JSON? {
    guard invocation.has(Options.verify) else { return nil }
    if model.references.isEmpty, !source.references.isEmpty {
      console.note(
        "fixresc: note: the references are not kept, as the adapted network computes something else")
    }
    var bar = Progress("references", total: model.references.count, on: console)
    let results = try model.checkReferences(options: session) { done, _ in bar.update(done) }
    bar.finish()
    return try ReferenceCheck.report(results, console)
  }

  // MARK: - Results

  private func object(_ result: AdaptedModel, _ options: AdaptationOptions) -> JSON.Object {
    var object = JSON.Object()
    if let adaptations = features.object(result.features, options) { object["adaptations"] = adaptations }
    object["passes"] = .array(
      result.passes.map {
        ["name": .string($0.name), "rewrites": JSON($0.rewrites), "milliseconds": JSON($0.milliseconds)]
      })
    if invocation.has(Options.verify) {
      object["verified_passes"] = .array(
        result.verifications.map {
          [
            "name": .string($0.pass), "resolution": $0.resolution.json,
            "max_abs_difference": JSON($0.deviation.difference),
            "largest_output": JSON($0.deviation.magnitude),
            "first_departure": $0.firstDeparture.map { .string($0) } ?? .null,
          ]
        })
      object["unverified_passes"] = JSON(result.unverifiedPasses)
    }
    object["macs_before"] = JSON(result.macsBefore)
    object["macs_after"] = JSON(result.macsAfter)
    object["expected_size_ratio"] = sizeRatio(result.model).map { JSON($0) } ?? .null
    object["fine_tuned_at"] = result.model.metadata.fineTunedResolution?.json ?? .null
    object["advice"] = advice(result.model).map { .string($0) } ?? .null
    object["proof"] =
      result.proof.map {
        [
          "max_abs_difference": JSON($0.deviation.difference), "largest_logit": JSON($0.deviation.magnitude),
        ]
      } ?? .null
    object["head_proof"] =
      result.headProof.map {
        [
          "resolution": .string("\($0.resolution)"), "max_abs_difference": JSON($0.deviation.difference),
        ]
      } ?? .null
    object["other_proof"] =
      result.otherProof.map {
        [
          "resolution": .string("\($0.resolution)"), "max_abs_difference": JSON($0.deviation.difference),
        ]
      } ?? .null
    object["tuning"] = result.tuning.map(KernelTuning.object) ?? .null
    object["packed"] = result.packing.map(WeightStorage.object) ?? .null
    return object
  }

  private func write(_ model: Model, to path: String) throws {
    try naming(path) { try ModelFile.write(model, to: path) }
    var sentence = "\(path), \(Text.bytes(model.constants.byteCount)) of constants"
    if invocation.has(Options.verify) {
      let written = try naming(path) { try ModelFile.open(path) }
      guard written == model else {
        throw CommandError.refused(
          kind: "adapt.verify", "\(path): expected the model that was written, read back another one")
      }
      sentence += ", read back and equal"
    }
    console.line("wrote          \(sentence)")
  }
}
