import FixresIR

/// One fact of what a network computes, which its weights may or may not tell.
package enum NetworkFact: Hashable, Sendable {
  case stemStride(Int)
  case stemPool(StemPoolKind)
  case strides(StageStrides)
  case strideOn(StridePlacement)
  case dilations(StageDilations)
  case activation(BlockActivation)
  case gate(GateKind)
  case shortcut(ShortcutKind)
  case antiAlias(AntiAliasing)
  case pool(GlobalPool)
  case batchNormEpsilon(Double)
  case head(HeadLayers)
  case outputs(OutputMeaning)

  /// The name under which `--network` states a fact, in the order in which facts are listed.
  package enum Name: String, CaseIterable, Hashable, Sendable {
    case activation, strides, dilations
    case strideOn = "stride-on"
    case stemStride = "stem-stride"
    case stemPool = "stem-pool"
    case antiAlias = "anti-alias"
    case gate, shortcut, pool
    case batchNormEpsilon = "bn-eps"
    case head, outputs

    /// The option that states a value.
    package var option: String {
      switch self {
      case .batchNormEpsilon: "--bn-eps X"
      case .outputs: "--outputs MEANING"
      default: "--network \(rawValue)=VALUE"
      }
    }

    /// The forms of its values, for messages.
    package var forms: [String] {
      switch self {
      case .activation: BlockActivation.forms
      case .strides: StageStrides.forms
      case .dilations: StageDilations.forms
      case .strideOn: StridePlacement.forms
      case .stemStride: ["a stride of 1 to 8"]
      case .stemPool: StemPoolKind.forms
      case .antiAlias: AntiAliasing.forms
      case .gate: GateKind.forms
      case .shortcut: ShortcutKind.forms
      case .pool: GlobalPool.forms
      case .batchNormEpsilon: ["a number between 0 and 1"]
      case .head: HeadLayers.forms
      case .outputs: OutputMeaning.forms
      }
    }
  }

  /// Which fact this is.
  package var name: Name {
    switch self {
    case .stemStride: .stemStride
    case .stemPool: .stemPool
    case .strides: .strides
    case .strideOn: .strideOn
    case .dilations: .dilations
    case .activation: .activation
    case .gate: .gate
    case .shortcut: .shortcut
    case .antiAlias: .antiAlias
    case .pool: .pool
    case .batchNormEpsilon: .batchNormEpsilon
    case .head: .head
    case .outputs: .outputs
    }
  }

  /// The value as text.
  package var text: String {
    switch self {
    case .stemStride(let stride): "\(stride)"
    case .stemPool(let value): value.text
    case .strides(let value): value.text
    case .strideOn(let value): value.text
    case .dilations(let value): value.text
    case .activation(let value): value.text
    case .gate(let value): value.text
    case .shortcut(let value): value.text
    case .antiAlias(let value): value.text
    case .pool(let value): value.text
    case .batchNormEpsilon(let epsilon): "\(epsilon)"
    case .head(let value): value.text
    case .outputs(let value): value.text
    }
  }

  /// The fact `name` with the value in `text`; nil where it has no such value.
  package init?(_ name: Name, text: String) {
    let fact: NetworkFact? =
      switch name {
      case .activation: BlockActivation(text: text).map(NetworkFact.activation)
      case .strides: StageStrides(text: text).map(NetworkFact.strides)
      case .dilations: StageDilations(text: text).map(NetworkFact.dilations)
      case .strideOn: StridePlacement(text: text).map(NetworkFact.strideOn)
      case .stemStride:
        StageStrides(text: text).flatMap { $0.stages.count == 1 ? .stemStride($0.stages[0]) : nil }
      case .stemPool: StemPoolKind(text: text).map(NetworkFact.stemPool)
      case .antiAlias: AntiAliasing(text: text).map(NetworkFact.antiAlias)
      case .gate: GateKind(text: text).map(NetworkFact.gate)
      case .shortcut: ShortcutKind(text: text).map(NetworkFact.shortcut)
      case .pool: GlobalPool(text: text).map(NetworkFact.pool)
      case .batchNormEpsilon:
        Double(text).flatMap { $0 > 0 && $0 < 1 ? .batchNormEpsilon($0) : nil }
      case .head: HeadLayers(text: text).map(NetworkFact.head)
      case .outputs: OutputMeaning(text: text).map(NetworkFact.outputs)
      }
    guard let fact else { return nil }
    self = fact
  }

  /// The facts in `FACT=VALUE[,FACT=VALUE...]`; a value may contain commas: what has no `=` belongs to the value before.
  ///
  /// - Throws: `ArchitectureError.unknownFact`, `.invalidFact`.
  package static func list(parsing text: String) throws(ArchitectureError) -> [NetworkFact] {
    var assignments: [(name: Substring, value: String)] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      if let equals = part.firstIndex(of: "=") {
        assignments.append((part[..<equals], String(part[part.index(after: equals)...])))
      } else if assignments.isEmpty {
        throw .unknownFact(name: String(part), known: Name.allCases.map(\.rawValue))
      } else {
        assignments[assignments.count - 1].value += "," + part
      }
    }
    var facts: [NetworkFact] = []
    for (word, value) in assignments {
      guard let name = Name(rawValue: String(word)) else {
        throw .unknownFact(name: String(word), known: Name.allCases.map(\.rawValue))
      }
      guard let fact = NetworkFact(name, text: value) else {
        throw .invalidFact(name: name.rawValue, value: value, forms: name.forms)
      }
      guard !facts.contains(where: { $0.name == name }) else {
        throw .invalidFact(name: name.rawValue, value: value, forms: ["one value of \(name.rawValue)"])
      }
      facts.append(fact)
    }
    return facts
  }
}

/// An assumed fact of a network, and the other values that would leave the same file.
package struct OpenFact: Hashable, Sendable {
  /// Which fact.
  package var name: NetworkFact.Name
  /// The value in force, then the others, likely ones first.
  package var values: [NetworkFact]
}

/// What sources state about a network; of two sources the stronger counts.
package struct NetworkFacts: Hashable, Sendable {
  /// A fact with who states it.
  package struct Statement: Hashable, Sendable {
    package var fact: NetworkFact
    package var source: Fact.Source
    /// Where it is stated, for messages: `--network`, a path.
    package var evidence: String
  }

  private var statements: [NetworkFact.Name: Statement] = [:]

  /// States nothing.
  package init() {}

  /// What is stated about `name`.
  package subscript(name: NetworkFact.Name) -> Statement? { statements[name] }

  /// States `fact`, unless a source that is as strong has stated another value.
  package mutating func state(_ fact: NetworkFact, from source: Fact.Source, _ evidence: String) {
    if let old = statements[fact.name], Self.rank(old.source) <= Self.rank(source) { return }
    statements[fact.name] = Statement(fact: fact, source: source, evidence: evidence)
  }

  private static func rank(_ source: Fact.Source) -> Int { Fact.Source.allCases.firstIndex(of: source) ?? 0 }
}
