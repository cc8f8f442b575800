import FixresBase
import FixresIR
import FixresImaging
import FixresPasses
import FixresRuntime

/// The paper's fine-tuning: classifier and last batch norm at the test resolution, over features that are computed
/// once ("Fixing the train-test resolution discrepancy", section 4).
public final class FineTuning {
  /// Makes the preprocessor that pictures are read with, given the model at the resolution at which it runs.
  package typealias PreprocessorMaker = (Model) throws(ImageError) -> Preprocessor

  let options: FineTuningOptions
  let training: LabelledPictures
  let validation: LabelledPictures?
  private let maker: PreprocessorMaker
  let observe: (FineTuningEvent) -> Void
  private let original: Model

  /// Number of training pictures that are measured before and after where there is no validation set.
  private static let substituteCount = 2000

  /// A fine-tuning of `model` on `training`, whose pictures are read as the model's metadata says; `progress` is told how
  /// far each phase is, on the thread that runs it.
  public convenience init(
    _ model: Model, training: LabelledPictures, validation: LabelledPictures? = nil,
    options: FineTuningOptions,
    progress: @escaping (_ phase: String, _ done: Int, _ total: Int) -> Void = { _, _, _ in }
  ) {
    self.init(
      model, training: training, validation: validation, options: options,
      preprocessor: Self.statedPreprocessor,
      observe: { event in
        switch event {
        case .pictures(let phase, let done, let total): progress(phase, done, total)
        case .epoch(_, let number, let total): progress("epochs", number, total)
        case .resumed, .extracted: break
        }
      })
  }

  /// What the model says of its pictures, at its own resolution.
  package static func statedPreprocessor(_ model: Model) throws(ImageError) -> Preprocessor {
    try Preprocessor(model.metadata.preprocessing, size: model.graph.resolution)
  }

  /// A fine-tuning of `model` on `training`, which reports to `observe`.
  package init(
    _ model: Model, training: LabelledPictures, validation: LabelledPictures?, options: FineTuningOptions,
    preprocessor: @escaping PreprocessorMaker,
    observe: @escaping (FineTuningEvent) -> Void = { _ in }
  ) {
    (original, self.training, self.validation) = (model, training, validation)
    (self.options, maker, self.observe) = (options, preprocessor, observe)
  }

  /// Measures, trains, and measures again.
  ///
  /// - Throws: `MethodError.pass` where the network does not work at the resolution or its batch norms are folded,
  ///   `evaluation` where the pictures are not of the model's or the new head's classes, `schedule`,
  ///   `sigmoidOutputs`, `unusualTail`, `noBatchNorm` where it can't be trained in this way, `state` where an interrupted
  ///   training can't be taken up, `file` where its state can't be written, and what the pictures show.
  public func run() throws(MethodError) -> FineTuningResult {
    try options.schedule.check()
    if options.patience != nil, validation == nil { throw MethodError.needsValidation(option: "early stop") }
    if options.newHead == nil {
      let reading = original.metadata.reading(logitCount: original.classCount)
      guard reading.function == .softmax else {
        throw MethodError.sigmoidOutputs(logits: original.classCount)
      }
    }
    if options.mode != .classifier {
      try MethodError.passing { () throws(PassError) in try Adapt.requireAdaptable(original) }
    }
    var start = original
    if let names = options.newHead {
      guard training.matching?.reading.scoreCount == names.count, !names.isEmpty else {
        throw MethodError.evaluation(
          .classesOfAnotherModel(
            path: training.path, expected: names.count, found: training.matching?.reading.scoreCount ?? 0))
      }
      try NewHead.install(in: &start, names, seed: options.seed)
    }
    try training.requireClasses(of: start)
    try validation?.requireClasses(of: start)
    var model = try retargeted(start, to: options.resolution)
    let state = try loadState(model)
    let measured = validation ?? training.sampled(Self.substituteCount)
    let trained = start
    let reference = try start.metadata.trainResolution.map { (size) throws(MethodError) in
      try measure(retargeted(trained, to: size), measured, "features at \(size)")
    }
    let before = try measure(model, measured, "before, at \(options.resolution)")
    let samples = try prepareSamples(&model)
    observe(.extracted(samples.extraction))
    var loop = try TrainingLoop(self, model, samples, resuming: state)
    try loop.run()
    try MethodError.building { () throws(IRError) in try loop.store(in: &model) }
    model.forgetReferences()
    model.metadata.history.append(history(samples, loop))
    let after = try measure(model, measured, "after, at \(options.resolution)")
    return FineTuningResult(
      model: model, epochs: loop.records, resumedEpochs: state?.epoch ?? 0, keptEpoch: loop.keptEpoch,
      before: before, after: after, reference: reference,
      distanceBefore: reference.map { .init(before, to: $0) },
      distanceAfter: reference.map { .init(after, to: $0) },
      hasNewHead: options.newHead != nil, isHeldOut: validation != nil,
      images: training.count - samples.extraction.failures.count,
      extraction: samples.extraction, cachesOnDisk: samples.isOnDisk)
  }

  // MARK: - Passes of the network

  private func retargeted(_ model: Model, to size: Extent) throws(MethodError) -> Model {
    try MethodError.passing { () throws(PassError) in try Trunk.retargeted(model, to: size) }
  }

  /// The preprocessor of `model`.
  func preprocessor(_ model: Model) throws(MethodError) -> Preprocessor {
    try MethodError.imaging { () throws(ImageError) in try maker(model) }
  }

  private func session(_ model: Model) throws(MethodError) -> Session {
    try MethodError.running { () throws(RuntimeError) in try Session(model: model, options: options.session) }
  }

  private func measure(
    _ model: Model, _ pictures: LabelledPictures, _ phase: String
  ) throws(MethodError) -> FineTuningResult.Measurement {
    let set = try features(of: model, pictures, phase)
    return FineTuningResult.Measurement(
      resolution: model.graph.resolution, score: set.score, statistics: set.statistics)
  }

  private func features(
    of model: Model, _ pictures: LabelledPictures, _ phase: String, augmentation: Augmentation = .none
  ) throws(MethodError) -> FeatureSet {
    let ready = try MethodError.passing { () throws(PassError) in try Trunk.ready(model) }
    return try FeatureSet(
      try session(ready), try preprocessor(model), pictures, augmentation: augmentation,
      memoryBudget: options.memoryBudget, path: options.statePath ?? "fixresc", model: ready,
      cached: CachedModel(ready, in: options.cache), progress: progress(phase))
  }

  private func progress(_ phase: String) -> PictureRun.Progress {
    let observe = self.observe
    return { done, total in observe(.pictures(phase: phase, done: done, total: total)) }
  }

  /// Recomputes the statistics of `model` where the mode asks for that, and computes the samples of the training.
  private func prepareSamples(_ model: inout Model) throws(MethodError) -> TrainingSamples {
    let tail = try NetworkTail(model.graph)
    guard options.mode != .classifier else { return try plainSamples(model) }
    guard let norm = tail.norm else { throw MethodError.noBatchNorm }
    let byteCount = mapByteCount(norm)
    if options.mode == .statistics, options.normalisation == .exact,
      tail.shortcut == nil || byteCount > options.memoryBudget
    {
      return try twoPassSamples(&model)
    }
    guard let shortcut = tail.shortcut else { throw MethodError.unusualTail(layer: norm.name) }
    return try mapSamples(&model, norm, shortcut)
  }

  private func mapByteCount(_ norm: NetworkTail.Norm) -> Int {
    let samples = training.count * options.augmentation.variantCount
    return Int.checkedProduct([samples, norm.channels, norm.positions, 8]) ?? .max
  }

  private func plainSamples(_ model: Model) throws(MethodError) -> TrainingSamples {
    let source = try Trunk.givingClassifierInput(model)
    let set = try features(of: source, training, "training features", augmentation: options.augmentation)
    let held = try validation.map { (pictures) throws(MethodError) in
      try features(of: source, pictures, "validation features")
    }
    return TrainingSamples(
      labels: set.labels, variants: options.augmentation.variantCount, extraction: set.summary,
      content: .features(set.store, validation: held?.store), validationLabels: held?.labels ?? [])
  }

  private func twoPassSamples(_ model: inout Model) throws(MethodError) -> TrainingSamples {
    var adaptation = BatchNormAdaptation()
    adaptation.options = options.session
    adaptation.cache = options.cache
    let progress = progress("statistics")
    _ = try adaptation.apply(to: &model, pictures: training, preprocessor: preprocessor(model)) {
      progress($2, $3)
    }
    return try plainSamples(model)
  }

  /// One pass: the maps that meet in the last block are kept, and with them the statistics and features follow.
  private func mapSamples(
    _ model: inout Model, _ norm: NetworkTail.Norm, _ shortcut: ValueID
  ) throws(MethodError) -> TrainingSamples {
    let part = try Trunk.upTo(norm.input, shortcut, of: model)
    var moments = ChannelMoments(channels: norm.channels)
    let set = try maps(
      part, model, of: training, norm: norm, phase: "training maps", augmentation: options.augmentation
    ) {
      moments.add($0, positions: norm.positions)
    }
    if options.normalisation == .exact {
      try MethodError.building { () throws(IRError) in
        try model.set(BatchNormStatistics(moments), of: norm)
      }
    }
    let head = LastBlockHead(
      gamma: model.values(norm.scale), beta: model.values(norm.shift), statistics: model.statistics(of: norm),
      epsilon: norm.epsilon)
    let current = model
    let held = try validation.map { (pictures) throws(MethodError) in
      try maps(part, current, of: pictures, norm: norm, phase: "validation maps", augmentation: .none) { _ in
      }
    }
    var samples = TrainingSamples(
      labels: set.labels, variants: options.augmentation.variantCount, extraction: set.summary,
      content: .maps(
        set.store, validation: held?.store, head,
        running: options.normalisation == .batch ? model.statistics(of: norm) : nil, positions: norm.positions
      ),
      validationLabels: held?.labels ?? [])
    if options.mode == .statistics, options.normalisation == .exact {
      samples.content = .features(
        try pooled(set.store, head, norm),
        validation: try held.map { (set) throws(MethodError) in try pooled(set.store, head, norm) })
    }
    return samples
  }

  private struct MapSet {
    let store: SampleStore
    var labels: [Int32] = []
    var summary = PictureRun.Summary()
  }

  private func maps(
    _ part: Model, _ model: Model, of pictures: LabelledPictures, norm: NetworkTail.Norm,
    phase: String, augmentation: Augmentation, _ each: (UnsafeBufferPointer<Float>) -> Void
  ) throws(MethodError) -> MapSet {
    let half = norm.channels * norm.positions
    var set = MapSet(
      store: try SampleStore(
        capacity: pictures.count * augmentation.variantCount, floatsPerSample: 2 * half,
        memoryBudget: options.memoryBudget, path: options.statePath ?? "fixresc"))
    let run = PictureRun(
      try session(part), try preprocessor(model), augmentation: augmentation, model: part,
      cached: CachedModel(part, in: options.cache))
    var labels: [Int32] = []
    set.summary = try run.run(over: pictures, progress: progress(phase)) { sample in
      let row = set.store.append()
      for index in 0..<half { row[index] = sample.logits[index] }
      for index in 0..<half { row[half + index] = sample.features[index] }
      labels.append(pictures.labels[sample.index])
      each(sample.logits)
    }
    set.labels = labels
    return set
  }

  private func pooled(
    _ maps: SampleStore, _ head: LastBlockHead, _ norm: NetworkTail.Norm
  ) throws(MethodError) -> SampleStore {
    let store = try SampleStore(
      capacity: maps.count, floatsPerSample: SampleStore.stride(norm.channels),
      memoryBudget: options.memoryBudget, path: options.statePath ?? "fixresc")
    for index in 0..<maps.count {
      let map = LastBlockMaps(base: maps[index], channels: norm.channels, positions: norm.positions)
      head.features(map, 0..<1, stride: store.floatsPerSample, into: store.append())
    }
    return store
  }

  private func history(_ samples: TrainingSamples, _ loop: TrainingLoop) -> HistoryEntry {
    let schedule = options.schedule
    return HistoryEntry(
      "finetune",
      [
        .init("mode", options.mode.rawValue), .init("normalisation", options.normalisation.rawValue),
        .init("resolution", "\(options.resolution)"),
        .init("images", "\(samples.extraction.images / samples.variants)"),
        .init("epochs", "\(loop.records.count)"), .init("kept_epoch", "\(loop.keptEpoch)"),
        .init("batch_size", "\(schedule.batchSize)"), .init("learning_rate", "\(schedule.learningRate)"),
        .init("schedule", schedule.decay.description), .init("momentum", "\(schedule.momentum)"),
        .init("weight_decay", "\(schedule.weightDecay)"),
        .init("label_smoothing", "\(schedule.labelSmoothing)"),
        .init("augment", options.augmentation.kind.rawValue), .init("seed", "\(options.seed)"),
        .init("new_head", options.newHead == nil ? "no" : "yes"),
      ])
  }
}

extension LabelledPictures {
  /// `limit` of the pictures at even distances.
  func sampled(_ limit: Int) -> LabelledPictures {
    guard limit < count else { return self }
    return LabelledPictures(picking: (0..<limit).map { $0 * count / limit }, of: self)
  }
}

/// What a training reads: features that stay, or maps from which they follow.
struct TrainingSamples {
  enum Content {
    case features(SampleStore, validation: SampleStore?)
    /// `running` are the statistics that batches are averaged into; nil where statistics are fixed.
    case maps(
      SampleStore, validation: SampleStore?, LastBlockHead, running: BatchNormStatistics?, positions: Int)
  }

  let labels: [Int32]
  /// Samples of each picture, one after another.
  let variants: Int
  let extraction: PictureRun.Summary
  var content: Content
  let validationLabels: [Int32]

  var isOnDisk: Bool {
    switch content {
    case .features(let store, _), .maps(let store, _, _, _, _): store.isOnDisk
    }
  }
}
