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
      preprocessor: { try Preprocessor($0.metadata.preprocessing, size: $0.graph.resolution) },
      observe: observe
    ).run()
  }

  @Test(arguments: FineTuningOptions.Mode.allCases) func lossFalls(mode: FineTuningOptions.Mode) throws {
    let result = try run(options(mode))
    let first = try #require(result.epochs.first), last = try #require(result.epochs.last)
    #expect(result.epochs.count == 6 && last.loss < first.loss)
    let before = try #require(result.before)
    #expect(result.after.score.loss < before.score.loss)
    #expect(result.model.graph.resolution == Extent(square: 24))
    try result.model.check()
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
    var score = ClassificationScore()
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

  @Test(arguments: FineTuningOptions.Mode.allCases, [false, true]) func resumedGivesTheSameBits(
    mode: FineTuningOptions.Mode, stopsEarly: Bool
  ) throws {
    var options = options(mode)
    if stopsEarly { options.patience = 2 }
    options.statePath = data.folder.path + "/whole-\(mode.rawValue)-\(stopsEarly).partial"
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

  @Test func newHeadForOtherClasses() throws {
    let other = try SmallModel.residual(side: 16, classes: 7)
    var options = options(.statistics)
    options.newHead = ["class 0", "class 1", "class 2"]
    let result = try run(options, other)
    #expect(result.model.classCount == 3 && result.model.metadata.labels == options.newHead)
    #expect(result.model.constants["fc.weight"]?.shape == [3, 8])
    try result.model.check()
    #expect(result.epochs.last?.loss ?? 9 < result.epochs.first?.loss ?? 0)
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
