import FixresBase
import FixresIR
import FixresImaging
import FixresMethod
import FixresRuntime
import TestSupport
import Testing

@Suite struct FineTuningTests {
  let data: PictureFolder
  let model: Model
  let training: LabelledPictures

  init() throws {
    data = try PictureFolder(classes: 3, perClass: 8)
    model = try SmallModel.residual(side: 16, classes: 3)
    let folder = try ImageFolder(path: data.folder.path)
    training = LabelledPictures(
      folder, try ClassMatching(folder.classes, model.metadata, classCount: 3))
  }

  func options(_ mode: FineTuningOptions.Mode) -> FineTuningOptions {
    var options = FineTuningOptions(resolution: Extent(square: 24))
    options.mode = mode
    options.schedule.epochs = 6
    options.schedule.batchSize = 7
    options.schedule.learningRate = 0.1
    return options
  }

  func run(
    _ options: FineTuningOptions, _ start: Model? = nil,
    observe: @escaping (FineTuningEvent) -> Void = { _ in }
  ) throws -> FineTuningResult {
    try FineTuning(
      start ?? model, training: training, validation: training, options: options,
      preprocessor: FineTuning.statedPreprocessor,
      observe: observe
    ).run()
  }

  @Test(arguments: FineTuningOptions.Mode.allCases) func lossFalls(mode: FineTuningOptions.Mode) throws {
    let result = try run(options(mode))
    let first = try #require(result.epochs.first), last = try #require(result.epochs.last)
    #expect(result.epochs.count == 6 && last.loss < first.loss)
    #expect(result.after.score.loss < result.before.score.loss)
    #expect(result.model.graph.resolution == Extent(square: 24))
    // What validation saw over kept features is what the written model gives.
    #expect(abs((last.validateLoss ?? 0) - result.after.score.loss) < 1e-4)
    // Only what the mode trains has changed.
    let changed = model.constants.names.filter { model.constants[$0] != result.model.constants[$0] }
    let norm = "layer1.0.bn2."
    switch mode {
    case .classifier: #expect(changed == ["fc.bias", "fc.weight"])
    case .statistics:
      #expect(changed == ["fc.bias", "fc.weight", norm + "running_mean", norm + "running_var"])
    case .affine:
      #expect(
        changed == ["fc.bias", "fc.weight"]
          + ["bias", "running_mean", "running_var", "weight"].map { norm + $0 })
    }
    #expect(result.model.metadata.history.last?.action == "finetune")
    if mode == .classifier { #expect(result.distanceBefore == result.distanceAfter) }
  }

  /// Batch norms stay until `adapt` folds them, and folding keeps what was reported.
  @Test func adaptedAfterwardsScoresTheSame() throws {
    let result = try run(options(.statistics))
    let ready = try Trunk.ready(result.model)
    let session = try Session(model: ready)
    var score = ClassificationScore(ScoreReading(.logits, logitCount: 3))
    let preprocessor = try Preprocessor(ready.metadata.preprocessing, size: ready.graph.resolution)
    _ = try PictureRun(session, preprocessor).run(over: training) {
      score.add($0.logits, label: Int(training.labels[$0.index]))
    }
    #expect(score.hits == result.after.score.hits && score.loss == result.after.score.loss)
  }

  /// Maps beyond the memory budget give the same bits, from a file or by a second pass.
  @Test(arguments: [FineTuningOptions.Mode.classifier, .affine]) func diskGivesTheSameBits(
    mode: FineTuningOptions.Mode
  ) throws {
    let memory = try run(options(mode))
    var small = options(mode)
    small.memoryBudget = 0
    small.statePath = data.folder.path + "/out.bin.partial"
    let disk = try run(small)
    #expect(!memory.cachesOnDisk && disk.cachesOnDisk)
    #expect(memory.model.constants == disk.model.constants)
  }

  @Test func twoPassesAgreeWithOne() throws {
    var twice = options(.statistics)
    twice.memoryBudget = 20_000
    let (one, two) = (try run(options(.statistics)), try run(twice))
    #expect(abs(one.after.score.loss - two.after.score.loss) < 1e-4)
    let mean = "layer1.0.bn2.running_mean"
    #expect(one.model.constants[mean] == two.model.constants[mean])
  }

  /// The released code's training: each batch by its own statistics, running averages of them at test.
  @Test(arguments: [FineTuningOptions.Mode.statistics, .affine]) func batchStatistics(
    mode: FineTuningOptions.Mode
  ) throws {
    var options = options(mode)
    options.normalisation = .batch
    options.schedule.shufflesEachEpoch = false
    options.schedule.dropsLast = false
    options.statePath = data.folder.path + "/batch.partial"
    let result = try run(options)
    let last = try #require(result.epochs.last)
    #expect(last.loss < result.epochs[0].loss)
    #expect(abs((last.validateLoss ?? 0) - result.after.score.loss) < 1e-4)
    let norm = "layer1.0.bn2."
    let changed = model.constants.names.filter { model.constants[$0] != result.model.constants[$0] }
    let affine = mode == .affine ? [norm + "bias", norm + "weight"] : []
    #expect(
      Set(changed) == Set(["fc.bias", "fc.weight", norm + "running_mean", norm + "running_var"] + affine))
    // Averages of the last batches are near the exact statistics, and not equal to them.
    options.normalisation = .exact
    let exact = try run(options).model
    let (found, wanted) = (result.model.values(norm + "running_mean"), exact.values(norm + "running_mean"))
    #expect(found != wanted && zip(found, wanted).allSatisfy { abs($0 - $1) < 0.3 })
    #expect(result.model.metadata.history.last?.parameters.contains(.init("normalisation", "batch")) == true)
    options.normalisation = .batch
    options.memoryBudget = 0
    let disk = try run(options)
    #expect(disk.cachesOnDisk && disk.model.constants == result.model.constants)
  }

  @Test func reportShowsBeforeAndAfter() throws {
    let result = try run(options(.affine))
    let report = FineTuningReport(result: result, source: "a<b", folder: "photos")
    #expect(ReportTests.faults(report.page.html) == [])
    for text in ["24, before", "16, as trained", "a&lt;b", "Loss", "Top-1", "KS above 0"] {
      #expect(report.page.html.contains(text), "\(text)")
    }
    let before = try #require(result.distanceBefore)
    #expect(report.json["ks_before"] == JSON(before.aboveZero.ks))
    #expect(report.json["ks_with_zeros_before"] == JSON(before.all.ks))
    #expect(report.json["ks_of"] == "values above zero")
    // Without epochs, and without a training resolution to compare with, there is less to show.
    var none = options(.classifier)
    none.schedule.epochs = 0
    var bare = model
    bare.metadata.trainResolution = nil
    let empty = FineTuningReport(result: try run(none, bare), source: "a", folder: "b")
    #expect(ReportTests.faults(empty.page.html) == [] && !empty.page.html.contains("<svg"))
    #expect(empty.json["ks_after"] == .null)
  }

  @Test(
    arguments: FineTuningOptions.Mode.allCases,
    [(false, FineTuningOptions.Normalisation.exact), (true, .exact), (true, .batch)])
  func resumedGivesTheSameBits(
    mode: FineTuningOptions.Mode, training: (stopsEarly: Bool, normalisation: FineTuningOptions.Normalisation)
  ) throws {
    var options = options(mode)
    if training.stopsEarly { options.patience = 2 }
    options.normalisation = training.normalisation
    options.statePath = data.folder.path + "/whole.partial"
    let whole = try run(options)
    options.resumes = true
    // The state that the whole training left last stands for an interrupt after its last epoch.
    let resumed = try run(options)
    #expect(resumed.resumedEpochs == whole.epochs.count && resumed.epochs.count == whole.epochs.count)
    #expect(resumed.model.constants == whole.model.constants && resumed.keptEpoch == whole.keptEpoch)
    // An interrupt in the middle: the state of a training that was told to save at every epoch.
    let state = try #require(TrainingStateRecorder.states(of: self, options).dropLast().last)
    try AtomicFileWriter.write(state, to: options.statePath ?? "")
    let again = try run(options)
    #expect(again.resumedEpochs > 0 && again.resumedEpochs < whole.epochs.count)
    #expect(again.model.constants == whole.model.constants && again.keptEpoch == whole.keptEpoch)
  }

  @Test func otherSettingsAreNotResumed() throws {
    var options = options(.classifier)
    options.statePath = data.folder.path + "/other.partial"
    _ = try run(options)
    options.resumes = true
    options.seed = 1
    #expect(throws: MethodError.self) { try run(options) }
    // Without a state there is nothing to take up, and the training begins.
    options.statePath = data.folder.path + "/none.partial"
    #expect(try run(options).resumedEpochs == 0)
  }

  /// States with a right checksum whose numbers no training has written.
  @Test(arguments: [
    [Double.nan, 1], [0.5, .nan], [0.5, .infinity], [0.5, 1e300], [0.5, -1], [0.5, 0], [0.5, 1.5], [0.5, 7],
    [0.5],
    [0.5, 1, 2],
  ])
  func craftedStatesAreRefused(best: [Double]) throws {
    var options = options(.statistics)
    options.patience = 2
    options.statePath = data.folder.path + "/crafted.partial"
    _ = try run(options)
    let path = try #require(options.statePath)
    var state = try TrainingState(FileContents.read(path))
    options.resumes = true
    #expect(state.arrays["best"]?.count == 2)
    state.arrays["best"] = best
    try AtomicFileWriter.write(state.serialized(), to: path)
    #expect(throws: MethodError.state(path: path, .damaged(at: 0))) { try run(options) }
  }

  @Test func newHeadForOtherClasses() throws {
    let other = try SmallModel.residual(side: 16, classes: 7)
    var options = options(.statistics)
    options.newHead = ["class 0", "class 1", "class 2"]
    let result = try run(options, other)
    #expect(result.model.classCount == 3 && result.model.metadata.labels == options.newHead)
    #expect(result.model.constants["fc.weight"]?.shape == [3, 8])
    #expect(result.epochs.last?.loss ?? 9 < result.epochs.first?.loss ?? 0)
    let report = FineTuningReport(result: result, source: "a", folder: "b")
    #expect(
      report.significance == nil && report.json["before_top1"] == .null, "an untrained head has no score")
    #expect(report.json["ks_before"] != .null && ReportTests.faults(report.page.html) == [])
  }

  @Test(arguments: [Augmentation.Kind.flip, .shift]) func variantsAreDrawn(kind: Augmentation.Kind) throws {
    var options = options(.statistics)
    options.augmentation = Augmentation(kind, seed: 3)
    let result = try run(options)
    #expect(result.extraction.images == 24 * options.augmentation.variantCount)
    #expect(try run(options).model.constants == result.model.constants)
  }

  @Test func refusals() throws {
    var options = options(.statistics)
    #expect(throws: (any Error).self) { try run(options, try Trunk.ready(model)) }
    // A folded model still has a classifier to train.
    options.mode = .classifier
    #expect(try run(options, try Trunk.ready(model)).epochs.count == 6)
    let gated = try Model.syntheticResNet("seresnet50", side: 32)
    options.mode = .affine
    #expect(throws: MethodError.self) { try run(options, gated) }
    options.mode = .statistics
    options.normalisation = .batch
    #expect(throws: MethodError.self) { try run(options, gated) }
  }
}

/// The states that a training passes through, made by trainings of fewer epochs on the same schedule.
enum TrainingStateRecorder {
  static func states(of test: FineTuningTests, _ options: FineTuningOptions) throws -> [[UInt8]] {
    var options = options
    options.resumes = false
    options.savesEachEpoch = true
    var states: [[UInt8]] = []
    let path = options.statePath ?? ""
    _ = try test.run(options) { event in
      if case .epoch = event, let bytes = try? MappedFile.open(path) { states.append(bytes.array) }
    }
    return states
  }
}
