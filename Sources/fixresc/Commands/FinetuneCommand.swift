import FixresBase
import FixresFormats
import FixresIR
import FixresImaging
import FixresMethod
import FixresRuntime

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

private enum Options {
  static let output = Option(
    "--output", short: "-o", "FILE", kind: .file(.output(alongside: [".partial", FinetuneRun.cacheSuffix])),
    required: true,
    "where to write the result")
  static let to = Option("--to", "K|HxW", kind: .size, required: true, "the test resolution to fine-tune at")
  static let mode = Option(
    "--mode", "MODE", kind: .choice(FineTuningOptions.Mode.allCases.map(\.rawValue)),
    "fc: the classifier; bnstat+fc: new statistics of the last batch norm too (default); "
      + "bnstat+affine+fc: train its gamma and beta too")
  static let recipe = Option(
    "--recipe", "NAME", kind: .choice(["paper"]),
    "paper: the authors' code: 56 epochs, rate 1e-3 for 64 pictures, a tenth after 30, the last batch norm with the "
      + "statistics of each batch")
  static let epochs = Option(
    "--epochs", "N", kind: .integer(0...100_000), "times through the pictures (default 20)")
  static let batchSize = Option(
    "--batch-size", "B", kind: .integer(1...65536), "pictures a step (default 64)")
  static let rate = Option("--learning-rate", "X", kind: .number(0...1000), "at the start (default 0.01)")
  static let schedule = Option(
    "--schedule", "NAME", kind: .choice(["cosine", "step"]),
    "how the rate falls: cosine to zero (default), or step: a tenth every 30 epochs")
  static let weightDecay = Option(
    "--weight-decay", "X", kind: .number(0...1), "on all that is trained (default 1e-4)")
  static let smoothing = Option(
    "--label-smoothing", "S", kind: .number(0...0.999), "share spread over all classes")
  static let augment = Option(
    "--augment", "KIND", kind: .choice(Augmentation.Kind.allCases.map(\.rawValue)),
    "none: the test transform (default); flip: and its mirror image; shift: the authors' second transform")
  static let newHead = Option(
    "--new-head", "a new classifier for the folders' classes, where they are not the model's")
  static let validate = Option(
    "--validate", "DIR", kind: .folder(.input), "class folders to measure on before, after, and each epoch")
  static let earlyStop = Option(
    "--early-stop", "N", kind: .integer(1...100_000),
    "end once the validation loss has not fallen for N epochs, and keep the best one")
  static let report = Option(
    "--report", "FILE.html", kind: .file(.output()),
    "write a report with plots, a page that needs nothing else")
  static let seed = Option("--seed", "S", kind: .integer(0...Int.max), "of all that is drawn (default 0)")
  static let resume = Option("--resume", "go on where an interrupted call left off, to the same bits")
  static let memory = Option(
    "--cache-memory", "MB", kind: .integer(0...1 << 30),
    "features kept in memory; more go to a file beside the output (default 2048)")
}

extension Command {
  static let finetune = Command(
    "finetune", "fine-tune the classifier and the last batch norm at the test resolution",
    example: "fixresc finetune resnet50.pth imagenet/train --to 384 --validate imagenet/val -o tuned.bin",
    details:
      "The paper's cure for objects that look larger or smaller than in training. The output keeps its batch norms; "
      + "`fixresc adapt` folds them. State to resume lies in OUTPUT.partial, and features in OUTPUT.partial.features or --cache DIR, until the output "
      + "is written: an interrupted call that is given again takes up its pass over the pictures.",
    arguments: [
      Shared.modelArgument, Argument("DIR", .one, kind: .folder(.input), "class folders to train on"),
    ],
    groups: [
      OptionGroup(
        "Options",
        [Options.output, Options.to, Options.validate, Options.report, Options.resume, Options.newHead]),
      OptionGroup(
        "Training",
        [
          Options.mode, Options.recipe, Options.epochs, Options.batchSize, Options.rate, Options.schedule,
          Options.weightDecay, Options.smoothing, Options.augment, Options.earlyStop, Options.seed,
        ]),
      OptionGroup(
        "Data",
        [
          LabelledFolder.classes, LabelledFolder.limit, LabelledFolder.allowFailures, Options.memory,
          LabelledFolder.cache,
          LabelledFolder.cacheLimit,
        ]),
      Shared.pictures, Shared.model, Shared.engine,
    ],
    run: { try FinetuneRun($0).run() })
}

/// One run of `finetune`.
private final class FinetuneRun {
  /// Suffix of the folder in which a run keeps its features where no cache is named.
  static let cacheSuffix = ".partial.features"

  private let invocation: Invocation
  private var bar: Progress?
  private var phase = ""
  private var console: Console { invocation.console }

  init(_ invocation: Invocation) { self.invocation = invocation }

  func run() throws -> JSON.Object {
    let output = invocation.text(Options.output) ?? ""
    let source = try ModelSource.open(invocation.arguments[0], invocation)
    if !invocation.has(Options.newHead) {
      try ModelSource.requireClassifier(source.model, for: "finetune without --new-head")
    }
    let folder = try PictureFolder.folder(invocation.arguments[1], invocation)
    var metadata = source.model.metadata
    var classCount = source.model.classCount
    if invocation.has(Options.newHead) {
      (metadata.labels, metadata.synsets, classCount) = (folder.classes, [], folder.classes.count)
      metadata.outputs = .logits
      guard classCount > 1 else {
        throw CommandError.refused(
          kind: "finetune.classes",
          "\(folder.path): --new-head: expected at least two class folders, found one")
      }
    }
    let training = try pictures(
      invocation.arguments[1], metadata, classCount, limit: invocation.integer(LabelledFolder.limit))
    let validation = try invocation.text(Options.validate).map { try pictures($0, metadata, classCount) }
    let options = try options(output, newHead: invocation.has(Options.newHead) ? folder.classes : nil)
    LabelledFolder.warnOfSmall([options.resolution], invocation)
    try BatchNormCheck.warn(
      source.model, at: source.model.metadata.trainResolution, training.entries.map(\.path), invocation)
    let tuning = FineTuning(
      source.model, training: training, validation: validation, options: options,
      preprocessor: { [invocation] (model) throws(ImageError) in
        try PictureSource.preprocessor(for: model, invocation)
      },
      observe: { [unowned self] in observe($0) })
    let result = try tuning.run()
    bar?.finish()
    LabelledFolder.tell(result.extraction, invocation)
    guard result.after.score.loss.isFinite else {
      throw CommandError.refused(
        kind: "finetune.diverged",
        "expected a finite loss after fine-tuning, found \(result.after.score.loss): the training diverged and "
          + "nothing was written; a lower --learning-rate helps")
    }
    try naming(output) { try ModelFile.write(result.model, to: output) }
    if let state = options.statePath { _ = FileName.withBytes(state) { unlink($0) } }
    if !invocation.has(LabelledFolder.cache) { options.cache?.remove() }
    let report = FineTuningReport(
      result: result, source: invocation.arguments[0], folder: invocation.arguments[1])
    show(report, output)
    try LabelledFolder.write(report.page, Options.report, invocation)
    return report.json
  }

  private func pictures(
    _ path: String, _ metadata: ModelMetadata, _ classCount: Int, limit: Int? = nil
  ) throws -> LabelledPictures {
    do {
      return try LabelledFolder.labelled(
        path, metadata, classCount: classCount, invocation, limit: limit
      ).pictures
    } catch EvaluationError.noLogits {
      var report = ErrorReport(EvaluationError.noLogits)
      report.hint = "--new-head trains one for the folders' classes."
      throw CommandError.reported(report)
    } catch CommandError.about(_, let error as EvaluationError) where !invocation.has(Options.newHead) {
      var report = ErrorReport(error)
      report.hint = "--new-head trains a classifier for these folders. " + (report.hint ?? "")
      throw CommandError.reported(report.about(path))
    }
  }

  private func options(_ output: String, newHead: [String]?) throws -> FineTuningOptions {
    let size = invocation.size(Options.to) ?? (0, 0)
    var options = FineTuningOptions(resolution: Extent(size.height, size.width))
    options.schedule = schedule()
    if let mode = invocation.text(Options.mode).flatMap(FineTuningOptions.Mode.init) { options.mode = mode }
    if invocation.has(Options.recipe) { options.normalisation = .batch }
    options.seed = UInt64(invocation.integer(Options.seed) ?? 0)
    if let kind = invocation.text(Options.augment).flatMap(Augmentation.Kind.init) {
      options.augmentation = Augmentation(kind, seed: options.seed)
    }
    options.patience = invocation.integer(Options.earlyStop)
    if options.patience != nil, !invocation.has(Options.validate) {
      throw invocation.conflict("--early-stop needs --validate DIR, whose loss it watches")
    }
    options.newHead = newHead
    options.resumes = invocation.has(Options.resume)
    options.cache = try LabelledFolder.cache(invocation)
    // Nothing is kept beside a device.
    if DirectoryListing.kind(of: output) != .other {
      options.statePath = output + ".partial"
      let limit = FeatureCache.affordableLimit(beside: output)
      options.cache = options.cache ?? FeatureCache(path: output + Self.cacheSuffix, limit: limit)
    }
    if options.resumes, let state = options.statePath, DirectoryListing.kind(of: state) == nil {
      console.note("fixresc: note: --resume: there is no \(state), so the training begins anew")
    }
    if let megabytes = invocation.integer(Options.memory) { options.memoryBudget = megabytes << 20 }
    options.session = ModelSource.sessionOptions(invocation)
    return options
  }

  private func schedule() -> TrainingSchedule {
    let batchSize = invocation.integer(Options.batchSize)
    let isPaper = invocation.has(Options.recipe)
    var schedule = isPaper ? TrainingSchedule.released(batchSize: batchSize ?? 64) : TrainingSchedule()
    if let batchSize { schedule.batchSize = batchSize }
    if let epochs = invocation.integer(Options.epochs) { schedule.epochs = epochs }
    if let rate = invocation.number(Options.rate) { schedule.learningRate = rate }
    if let decay = invocation.number(Options.weightDecay) { schedule.weightDecay = decay }
    if let smoothing = invocation.number(Options.smoothing) { schedule.labelSmoothing = smoothing }
    switch invocation.text(Options.schedule) {
    case "cosine": schedule.decay = .cosine
    case "step": schedule.decay = .step(epochs: 30, factor: 0.1)
    default: break
    }
    return schedule
  }

  // MARK: - While it runs

  private func observe(_ event: FineTuningEvent) {
    switch event {
    case .pictures(let name, let done, let total):
      if name != phase {
        bar?.finish()
        (phase, bar) = (name, Progress(name, total: total, on: console))
      }
      bar?.update(done, of: total)
    case .resumed(let epoch): console.note("fixresc: note: resumed after epoch \(epoch)")
    case .extracted(let summary):
      bar?.finish()
      console.note(
        "features of \(Text.grouped(summary.images)) samples at \(Text.fixed(summary.imagesPerSecond, 1)) a second"
          + (summary.cachedCount > 0
            ? ", \(Text.grouped(summary.cachedCount)) of them kept by an earlier run" : "")
      )
    case .epoch(let record, let number, let total):
      if phase != "epochs" { (phase, bar) = ("epochs", Progress("epochs", total: total, on: console)) }
      bar?.update(number, of: total)
      let held = record.validateLoss.map {
        ", validation \(Text.fixed(100 * (record.validateTop1 ?? 0), 2)) % \(Text.fixed($0, 4))"
      }
      console.note(
        "epoch \(number)/\(total): loss \(Text.fixed(record.loss, 4)), top-1 \(Text.fixed(100 * record.trainTop1, 2)) %"
          + (held ?? "") + " (\(Text.fixed(record.seconds, 3)) s)")
    }
  }

  // MARK: - Results

  private func show(_ report: FineTuningReport, _ output: String) {
    let result = report.result
    var table = Table(
      [.left, .right, .right, .right, .right, .right, .right],
      header: ["", "top-1 %", "loss", "KS above 0", "KS of all", "W1 of all", "zeros %"])
    func row(
      _ name: String, _ measurement: FineTuningResult.Measurement, _ distance: FineTuningResult.Distance?,
      hasScore: Bool = true
    ) {
      let score = [Text.fixed(100 * measurement.score.top1, 2), Text.fixed(measurement.score.loss, 4)]
      table.add(
        [name] + (hasScore ? score : ["", ""])
          + [distance?.aboveZero.ks, distance?.all.ks, distance?.all.w1].map {
            $0.map { Text.fixed($0, 4) } ?? ""
          } + [Text.fixed(100 * measurement.statistics.zeroShare, 2)])
    }
    let hasScores = !result.hasNewHead
    if let reference = result.reference {
      row("at \(reference.resolution), as trained", reference, nil, hasScore: hasScores)
    }
    row("at \(result.before.resolution), before", result.before, result.distanceBefore, hasScore: hasScores)
    row("at \(result.after.resolution), after", result.after, result.distanceAfter)
    console.lines(table.lines())
    console.line()
    let on = result.isHeldOut ? "validation" : "training"
    console.line(
      "measured on \(Text.count(result.after.score.images, "\(on) picture"))"
        + (report.significance.map { ", before against after: p = \(Text.significant($0.p))" } ?? ""))
    if let reference = result.reference {
      console.line(
        "KS: greatest gap to the activations' distribution function at \(reference.resolution), of the values above "
          + "zero and of all; W1: the area between")
    }
    console.line("wrote \(output); `fixresc adapt` makes it fast")
  }
}
