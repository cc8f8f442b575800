import FixresBase
import FixresIR
import FixresRuntime

/// The epochs of a fine-tuning, with state to resume and early stop.
struct TrainingLoop {
  private(set) var records: [EpochRecord] = []
  /// The epoch, from 1, whose parameters `store` gives; 0 where none was trained.
  private(set) var keptEpoch = 0
  private let fineTuning: FineTuning
  private let samples: TrainingSamples
  private let tail: NetworkTail
  private let classifier: ClassifierTrainer
  private let lastBlock: LastBlockTrainer?
  /// The best epoch's parameters, where the training may stop early.
  private var best: (loss: Double, epoch: Int, arrays: [String: [Double]])?
  private var lastSave: UInt64 = 0
  private let fingerprint: JSON.Object

  /// The state is not written more often than this; short epochs take less than the disk.
  private static let saveInterval: UInt64 = 500_000_000

  init(
    _ fineTuning: FineTuning, _ model: Model, _ samples: TrainingSamples, resuming state: TrainingState?
  ) throws(MethodError) {
    (self.fineTuning, self.samples) = (fineTuning, samples)
    tail = try NetworkTail(model.graph)
    let options = fineTuning.options
    let pool = ThreadPool(threads: options.session.threads ?? ProcessorAllowance.current().count)
    let needed = ClassifierTrainer.byteCount(
      classes: tail.classifier.classes, features: tail.classifier.features,
      batchSize: options.schedule.batchSize)
    guard AddressSpace.allows(needed) else {
      throw .runtime(
        .planTooLarge(needed: needed, available: MachineMemory.availableByteCount()))
    }
    let bias = tail.classifier.bias.map { model.values($0) }
    classifier = ClassifierTrainer(
      weights: model.values(tail.classifier.weight),
      bias: bias ?? [Float](repeating: 0, count: tail.classifier.classes), features: tail.classifier.features,
      batchSize: options.schedule.batchSize, pool: pool)
    if case .maps(_, _, let head, let running, _) = samples.content {
      lastBlock = LastBlockTrainer(
        classifier: classifier, head: head, running: running, trainsAffine: options.mode == .affine,
        pool: pool)
    } else {
      lastBlock = nil
    }
    fingerprint = try fineTuning.fingerprint(model)
    if let state { try restore(state) }
  }

  mutating func run() throws(MethodError) {
    let schedule = fineTuning.options.schedule
    while records.count < schedule.epochs, !shouldStop {
      let epoch = records.count
      let start = MonotonicClock.nanoseconds()
      let score = try train(epoch)
      let held = validate()
      let seconds = Double(MonotonicClock.nanoseconds() - start) / 1e9
      let record = EpochRecord(
        loss: score.loss, trainTop1: score.top1, validateTop1: held?.top1, validateLoss: held?.loss,
        seconds: seconds)
      records.append(record)
      keep(held)
      try save()
      fineTuning.observe(.epoch(record, number: epoch + 1, of: schedule.epochs))
    }
    keptEpoch = best?.epoch ?? records.count
    if let best { take(best.arrays) }
  }

  /// Writes the trained parameters into `model`.
  ///
  /// - Throws: `IRError` where `model` is not the one that was trained.
  func store(in model: inout Model) throws(IRError) {
    let head = tail.classifier
    try model.setConstant(
      head.weight, to: Tensor(shape: [head.classes, head.features], classifier.weights))
    if let bias = head.bias {
      try model.setConstant(bias, to: Tensor(shape: [head.classes], classifier.bias))
    }
    guard let lastBlock, let norm = tail.norm else { return }
    if let running = lastBlock.running { try model.set(running, of: norm) }
    guard lastBlock.trainsAffine else { return }
    let (gamma, beta) = (lastBlock.head.gamma, lastBlock.head.beta)
    try model.setConstant(norm.scale, to: Tensor(shape: [norm.channels], gamma.map { Float($0) }))
    try model.setConstant(norm.shift, to: Tensor(shape: [norm.channels], beta.map { Float($0) }))
  }

  // MARK: - One epoch

  private func train(_ epoch: Int) throws(MethodError) -> ClassifierTrainer.Score {
    let schedule = fineTuning.options.schedule
    let order = order(epoch)
    let steps = schedule.stepsPerEpoch(order.count)
    var score = ClassifierTrainer.Score()
    for step in 0..<steps {
      guard !Cancellation.isRequested else { throw .runtime(.cancelled) }
      let first = step * schedule.batchSize
      let indices = order[first..<min(first + schedule.batchSize, order.count)]
      let rate = schedule.rate(epoch: epoch, step: step, stepsPerEpoch: steps)
      switch samples.content {
      case .features(let store, _):
        classifier.step(
          store.base, labels: samples.labels, indices: indices, rate: rate, schedule: schedule, into: &score)
      case .maps(let store, _, let head, _, let positions):
        let maps = LastBlockMaps(base: store.base, channels: head.channels, positions: positions)
        lastBlock?.step(
          maps, labels: samples.labels, indices: indices, rate: rate, schedule: schedule, into: &score)
      }
    }
    return score
  }

  /// The samples of an epoch in their order: of each picture one variant.
  private func order(_ epoch: Int) -> [Int] {
    let options = fineTuning.options
    let round = options.schedule.shufflesEachEpoch ? UInt64(epoch) + 1 : 1
    var random = SeededRandom(seed: options.seed &+ round &* 0xD1B5_4A32_D192_ED03)
    var order = Array(0..<samples.labels.count / samples.variants)
    order.shuffle(using: &random)
    guard samples.variants > 1 else { return order }
    var variant = SeededRandom(seed: options.seed &+ (UInt64(epoch) + 1) &* 0x8CB9_2BA7_2F3D_8DD7)
    return order.map { $0 * samples.variants + variant.nextInt(in: 0..<samples.variants) }
  }

  private func validate() -> ClassifierTrainer.Score? {
    let labels = samples.validationLabels
    switch samples.content {
    case .features(_, let held):
      return held.map { classifier.evaluate($0.base, labels: labels, count: $0.count) }
    case .maps(_, let held, let head, _, let positions):
      guard let held, let lastBlock else { return nil }
      return lastBlock.evaluate(
        LastBlockMaps(base: held.base, channels: head.channels, positions: positions), labels: labels,
        count: held.count)
    }
  }

  // MARK: - Early stop

  private var shouldStop: Bool {
    guard let patience = fineTuning.options.patience, let best else { return false }
    return records.count - best.epoch >= patience
  }

  private mutating func keep(_ held: ClassifierTrainer.Score?) {
    guard fineTuning.options.patience != nil, let held, held.loss < best?.loss ?? .infinity else { return }
    best = (held.loss, records.count, arrays)
  }

  // MARK: - State

  private var arrays: [String: [Double]] {
    var arrays = [
      "weights": classifier.weights.map(Double.init), "bias": classifier.bias.map(Double.init),
      "weight_velocity": classifier.weightVelocity.map(Double.init),
      "bias_velocity": classifier.biasVelocity.map(Double.init),
    ]
    if let lastBlock {
      arrays["gamma"] = lastBlock.head.gamma
      arrays["beta"] = lastBlock.head.beta
      arrays["gamma_velocity"] = lastBlock.gammaVelocity
      arrays["beta_velocity"] = lastBlock.betaVelocity
    }
    if let running = lastBlock?.running {
      arrays["running_mean"] = running.mean.map(Double.init)
      arrays["running_variance"] = running.variance.map(Double.init)
    }
    return arrays
  }

  private func take(_ arrays: [String: [Double]]) {
    func floats(_ name: String) -> [Float] { (arrays[name] ?? []).map { Float($0) } }
    classifier.restore(
      weights: floats("weights"), bias: floats("bias"), weightVelocity: floats("weight_velocity"),
      biasVelocity: floats("bias_velocity"))
    let running = lastBlock?.running.map { _ in
      BatchNormStatistics(mean: floats("running_mean"), variance: floats("running_variance"))
    }
    lastBlock?.restore(
      gamma: arrays["gamma"] ?? [], beta: arrays["beta"] ?? [], gammaVelocity: arrays["gamma_velocity"] ?? [],
      betaVelocity: arrays["beta_velocity"] ?? [], running: running)
  }

  private mutating func save() throws(MethodError) {
    guard let path = fineTuning.options.statePath else { return }
    let now = MonotonicClock.nanoseconds()
    let isLast = records.count == fineTuning.options.schedule.epochs || shouldStop
    guard isLast || fineTuning.options.savesEachEpoch || now - lastSave >= Self.saveInterval else { return }
    lastSave = now
    var all = arrays
    if let best {
      for (name, values) in best.arrays { all["best." + name] = values }
      all["best"] = [best.loss, Double(best.epoch)]
    }
    let state = TrainingState(
      fingerprint: fingerprint, epoch: records.count, records: records.map(\.json), arrays: all)
    try MethodError.filing { () throws(FileError) in
      try AtomicFileWriter.write(state.serialized(), to: path)
    }
  }

  private mutating func restore(_ state: TrainingState) throws(MethodError) {
    let path = fineTuning.options.statePath ?? ""
    let expected = arrays.mapValues(\.count)
    for (name, count) in expected where state.arrays[name]?.count != count {
      throw .state(path: path, .damaged(at: 0))
    }
    records = state.records.compactMap(EpochRecord.init)
    guard records.count == state.epoch else { throw .state(path: path, .damaged(at: 0)) }
    take(state.arrays)
    guard let kept = state.arrays["best"] else { return }
    // A number of an epoch that has been trained, and so one that an integer holds.
    guard kept.count == 2, !kept[0].isNaN, let epoch = Int(exactly: kept[1]),
      epoch >= 1, epoch <= records.count
    else { throw .state(path: path, .damaged(at: 0)) }
    var arrays: [String: [Double]] = [:]
    for (name, count) in expected {
      guard let values = state.arrays["best." + name], values.count == count else {
        throw .state(path: path, .damaged(at: 0))
      }
      arrays[name] = values
    }
    best = (kept[0], epoch, arrays)
  }
}

extension EpochRecord {
  /// As `finetune --json` and the state file give it.
  package var json: JSON {
    [
      "loss": JSON(loss), "train_top1": JSON(trainTop1),
      "validate_top1": validateTop1.map { JSON($0) } ?? .null,
      "validate_loss": validateLoss.map { JSON($0) } ?? .null, "seconds": JSON(seconds),
    ]
  }

  init?(_ json: JSON) {
    guard let loss = json["loss"]?.doubleValue, let top1 = json["train_top1"]?.doubleValue,
      let seconds = json["seconds"]?.doubleValue
    else { return nil }
    self.init(
      loss: loss, trainTop1: top1, validateTop1: json["validate_top1"]?.doubleValue,
      validateLoss: json["validate_loss"]?.doubleValue, seconds: seconds)
  }
}
