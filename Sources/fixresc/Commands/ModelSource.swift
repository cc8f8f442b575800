import FixresBase
import FixresFormats
import FixresIR
import FixresPasses
import FixresRuntime

/// A MODEL: our own file, or a checkpoint which is imported on the way.
enum ModelSource {
  /// The model at `path`, with import's options laid over it and all that was odd told on stderr.
  static func open(_ path: String, _ invocation: Invocation) throws -> ImportResult {
    let result = try Importer.load(path: path, options: options(invocation))
    for note in result.notes { invocation.console.note("fixresc: note: \(note)") }
    return result
  }

  static func options(_ invocation: Invocation) -> ImportOptions {
    var options = ImportOptions()
    options.architecture = invocation.text(Shared.architecture)
    options.key = invocation.text(Shared.key)
    options.batchNormEpsilon = invocation.number(Shared.epsilon)
    options.finetuned = invocation.text(Shared.finetuned)
    options.labels = invocation.text(Shared.labels)
    options.trainResolution = invocation.size(Shared.trainResolution).map { Extent($0.height, $0.width) }
    options.mean = invocation.triple(Shared.mean).map { $0.map { Float($0) } }
    options.standardDeviation = invocation.triple(Shared.deviation).map { $0.map { Float($0) } }
    return options
  }

  /// `model` as `adapt` would make it, in memory: at `target` where given, folded and fused.
  static func adapted(_ model: Model, to target: Extent?, _ console: Console) throws -> Model {
    let hasBatchNorms = model.graph.nodes.contains { if case .batchNorm = $0.op { true } else { false } }
    guard hasBatchNorms || (target != nil && target != model.graph.resolution) else { return model }
    let result = try Adapt.run(model, to: target)
    for note in result.notes {
      if case .batchNormAlreadyFolded = note { continue }
      console.note("fixresc: note: \(note)")
    }
    if hasBatchNorms {
      console.note("fixresc: note: folded and fused in memory; `fixresc adapt` does so for good")
    }
    return result.model
  }

  static func session(_ model: Model, _ invocation: Invocation, keepsValues: Bool = false) throws -> Session {
    try Session(model: model, options: sessionOptions(invocation, keepsValues: keepsValues))
  }

  static func sessionOptions(_ invocation: Invocation, keepsValues: Bool = false) -> SessionOptions {
    var options = SessionOptions(
      threads: invocation.integer(Shared.threads), isExact: invocation.has(Shared.exact))
    options.keepsValues = keepsValues
    return options
  }
}
