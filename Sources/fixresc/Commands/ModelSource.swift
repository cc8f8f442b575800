import FixresBase
import FixresFormats
import FixresIR
import FixresMethod
import FixresPasses
import FixresRuntime

/// Opens a MODEL argument: a model file, or a checkpoint that is imported.
enum ModelSource {
  /// The model at `path`, with the import options applied; notes are printed on stderr.
  static func open(_ path: String, _ invocation: Invocation) throws -> ImportedModel {
    try settled(Import(path, options: options(invocation)), invocation)
  }

  /// The model in `file`, as `open(_:_:)` gives it.
  static func open(_ file: SourceFile, _ invocation: Invocation) throws -> ImportedModel {
    try settled(Import(file, options: options(invocation)), invocation)
  }

  /// The model at `path` once more, without notes and references.
  static func reopened(_ path: String, _ invocation: Invocation) throws -> Model {
    var source = Import(path, options: try options(invocation))
    source.verifiesPackedWeights = false
    return try source.run().model
  }

  /// Commands that show, write or compare what the constants say, which packed weights must then say too. The others
  /// run the packed weights as they are.
  private static let verifying = ["import", "inspect", "compare", "export"]

  /// What `source` gives, settled by references; what is still assumed of a file that is no model of ours is printed.
  private static func settled(_ source: Import, _ invocation: Invocation) throws -> ImportedModel {
    var source = source
    source.verifiesPackedWeights = verifying.contains(invocation.command.name)
    let check = ReferenceCheck(invocation)
    check.apply(to: &source)
    let result = try check.run(source) { result in
      for note in result.notes { invocation.console.note("fixresc: note: \(note)") }
    }
    guard result.kind != .fixresModel else { return result }
    for line in assumptionLines(result.model.metadata.facts) { invocation.console.say("fixresc: " + line) }
    return result
  }

  /// A line for what is assumed of the network and one for what is assumed of its pictures; none where nothing is.
  static func assumptionLines(_ facts: [Fact]) -> [String] {
    let assumed = facts.filter(\.isAssumption)
    let network = assumed.filter { NetworkFact.Name(rawValue: $0.name) != nil }
    let pictures = assumed.filter { NetworkFact.Name(rawValue: $0.name) == nil }
    func list(_ facts: [Fact]) -> String { facts.map { "\($0.name)=\($0.value)" }.joined(separator: ", ") }
    var lines: [String] = []
    if !network.isEmpty {
      lines.append("assumed: \(list(network)) (settle with --network FACT=VALUE or --reference IN:OUT)")
    }
    if !pictures.isEmpty {
      let options = pictures.compactMap(\.option).reduce(into: [String]()) {
        if !$0.contains($1) { $0.append($1) }
      }
      lines.append("assumed of pictures: \(list(pictures)) (settle with \(options.joined(separator: ", ")))")
    }
    return lines
  }

  /// - Throws: `ArchitectureError.unknownFact` or `.invalidFact`.
  static func options(_ invocation: Invocation) throws -> ImportOptions {
    var options = ImportOptions()
    options.architecture = invocation.text(Shared.architecture)
    options.key = invocation.text(Shared.key)
    options.ignore = invocation.texts(Shared.ignore)
    options.graphOutput = invocation.text(Shared.graphOutput)
    options.batchNormEpsilon = invocation.number(Shared.epsilon)
    options.outputs = invocation.text(Shared.outputs).flatMap(OutputMeaning.init(rawValue:))
    if let text = invocation.text(Shared.network) { options.network = try NetworkFact.list(parsing: text) }
    options.finetuned = invocation.text(Shared.finetuned)
    options.labels = invocation.text(Shared.labels)
    PictureSource.state(invocation, in: &options)
    return options
  }

  /// Throws where `model` has no classifier, which `purpose` needs.
  static func requireClassifier(_ model: Model, for purpose: String) throws {
    guard model.classCount == 0 else { return }
    throw CommandError.refused(
      kind: "model.no-classifier",
      "expected a network with a classifier for \(purpose), found one that ends in its features; "
        + "`finetune --new-head` trains one, and `run --save-features` and `stats` need none")
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
