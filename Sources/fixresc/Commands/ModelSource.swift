import FixresBase
import FixresFormats
import FixresIR
import FixresMethod
import FixresPasses
import FixresRuntime

/// Opens a MODEL argument: a model file, or a checkpoint that is imported.
enum ModelSource {
  /// The model at `path`, with the import options applied; notes are printed on stderr.
  static func open(_ path: String, _ invocation: Invocation) throws -> ImportResult {
    try checked(noted(try Importer.load(path: path, options: options(invocation)), invocation), invocation)
  }

  /// The model in `file`, as `open(_:_:)` gives it.
  static func open(_ file: SourceFile, _ invocation: Invocation) throws -> ImportResult {
    try checked(noted(try Importer.load(file, options: options(invocation)), invocation), invocation)
  }

  private static func checked(_ result: ImportResult, _ invocation: Invocation) throws -> ImportResult {
    var result = result
    try ReferenceCheck(invocation).settle(&result)
    return result
  }

  private static func noted(_ result: ImportResult, _ invocation: Invocation) -> ImportResult {
    for note in result.notes { invocation.console.note("fixresc: note: \(note)") }
    return result
  }

  static func options(_ invocation: Invocation) -> ImportOptions {
    var options = ImportOptions()
    options.architecture = invocation.text(Shared.architecture)
    options.key = invocation.text(Shared.key)
    options.ignore = invocation.texts(Shared.ignore)
    options.graphOutput = invocation.text(Shared.graphOutput)
    options.batchNormEpsilon = invocation.number(Shared.epsilon)
    options.finetuned = invocation.text(Shared.finetuned)
    options.labels = invocation.text(Shared.labels)
    PictureSource.state(invocation, in: &options)
    return options
  }

  /// `model` as `adapt` would make it, in memory: at `target` where given, folded and fused.
  static func adapted(_ model: Model, to target: Extent?, _ console: Console) throws -> Model {
    guard let result = try Trunk.rewritten(model, at: target) else { return model }
    for note in result.notes {
      if case .batchNormAlreadyFolded = note { continue }
      console.note("fixresc: note: \(note)")
    }
    if Trunk.hasBatchNorms(model) {
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
