import FixresAssembler
import FixresBase
import FixresIR

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

extension FineTuning {
  /// The state that an interrupted training of the same settings left; nil where there is none to take up.
  func loadState(_ model: Model) throws(MethodError) -> TrainingState? {
    guard options.resumes, let path = options.statePath, FileName.withBytes(path, { access($0, F_OK) }) == 0
    else { return nil }
    let bytes = try MethodError.filing { () throws(FileError) in try FileContents.read(path) }
    let now = try fingerprint(model)
    do {
      let state = try TrainingState(bytes)
      try state.check(against: now)
      observe(.resumed(epoch: state.epoch))
      return state
    } catch {
      throw .state(path: path, error)
    }
  }

  /// All that the trained bits depend on.
  func fingerprint(_ model: Model) throws(MethodError) -> JSON.Object {
    let schedule = options.schedule
    let values: [(String, String)] = [
      ("model", Self.checksum(of: model)), ("pictures", Self.checksum(of: training)),
      ("validation", validation.map(Self.checksum) ?? "none"),
      ("preprocessing", "\(try preprocessor(model).description)"), ("mode", options.mode.rawValue),
      ("normalisation", options.normalisation.rawValue),
      ("resolution", "\(options.resolution)"), ("epochs", "\(schedule.epochs)"),
      ("batch size", "\(schedule.batchSize)"), ("learning rate", "\(schedule.learningRate)"),
      ("schedule", schedule.decay.description), ("momentum", "\(schedule.momentum)"),
      ("weight decay", "\(schedule.weightDecay)"), ("label smoothing", "\(schedule.labelSmoothing)"),
      ("order", schedule.shufflesEachEpoch ? "new each epoch" : "one"),
      ("last batch", schedule.dropsLast ? "dropped" : "kept"),
      ("augmentation", options.augmentation.kind.rawValue), ("seed", "\(options.seed)"),
      ("early stop", options.patience.map { "\($0)" } ?? "never"),
    ]
    var object = JSON.Object()
    for (name, value) in values { object[name] = .string(value) }
    return object
  }

  /// Over graph and constants but for the last batch norm's statistics, which the training replaces.
  private static func checksum(of model: Model) -> String {
    let text = Array(GraphPrinter.text(of: model.graph).utf8)
    var sum = text.withUnsafeBytes { HardwareChecksum.checksum($0) }
    let norm = (try? NetworkTail(model.graph))?.norm
    for name in model.constants.names where name != norm?.mean && name != norm?.variance {
      guard let tensor = model.constants[name] else { continue }
      sum = tensor.bytes.withUnsafeBytes { HardwareChecksum.checksum($0, seed: sum) }
    }
    return String(sum, radix: 16)
  }

  private static func checksum(of pictures: LabelledPictures) -> String {
    var sum: UInt32 = 0
    for (entry, label) in zip(pictures.entries, pictures.labels) {
      let line = Array("\(label) \(entry.path)\n".utf8)
      sum = line.withUnsafeBytes { HardwareChecksum.checksum($0, seed: sum) }
    }
    return "\(pictures.count) pictures, \(String(sum, radix: 16))"
  }
}

extension TrainingSchedule.Decay: CustomStringConvertible {
  /// The schedule in words, as the state file stores it.
  public var description: String {
    switch self {
    case .cosine: "cosine"
    case .step(let epochs, let factor): "times \(factor) every \(epochs) epochs"
    case .constant: "constant"
    }
  }
}
