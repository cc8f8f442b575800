import FixresIR

/// Settles the facts of a network: by what sources state, by its weights, else by the custom of its family.
///
/// A statement that contradicts the weights is an error that names both; one without any effect is noted.
package struct FactResolution {
  /// What the file's values say, where names and shapes only tell that they are there.
  package struct StoredValues: Hashable, Sendable {
    /// The exponent of the generalised mean.
    package var poolExponent: Double?
    /// The normalisation inside the network.
    package var inputNormalisation: ArchitectureDescription.InputNormalisation?

    /// No such value.
    package init() {}
  }

  var network: ArchitectureDescription
  let inferred: InferredArchitecture
  let stated: NetworkFacts
  private var facts: [NetworkFact.Name: Fact] = [:]
  private var openFacts: [NetworkFact.Name: OpenFact] = [:]
  private var notes: [String] = []

  private init(_ inferred: InferredArchitecture, _ stated: NetworkFacts) {
    network = inferred.description
    self.inferred = inferred
    self.stated = stated
  }

  /// The network of `inferred` with every fact settled.
  ///
  /// - Throws: `ArchitectureError.mismatch` where a statement contradicts the weights.
  package static func resolve(
    _ inferred: InferredArchitecture, _ stated: NetworkFacts, values: StoredValues = .init()
  ) throws(ArchitectureError) -> ResolvedNetwork {
    var resolution = FactResolution(inferred, stated)
    resolution.network.inputNormalisation = values.inputNormalisation
    try resolution.settleStem()
    try resolution.settleStages()
    try resolution.settleBlocks()
    try resolution.settleEnd(values)
    return resolution.result()
  }

  private func result() -> ResolvedNetwork {
    let names = NetworkFact.Name.allCases
    var listed = names.compactMap { facts[$0] }
    listed.append(Fact("input-channels", "\(network.inputChannels)", from: .weights))
    if let normalisation = network.inputNormalisation {
      let numbers = [normalisation.mean, normalisation.standardDeviation].map {
        $0.map { "\($0)" }.joined(separator: ",")
      }
      listed.append(Fact("input-normalisation", "(x - \(numbers[0])) / \(numbers[1])", from: .weights))
    }
    return ResolvedNetwork(
      description: network, facts: listed, openFacts: names.compactMap { openFacts[$0] }, notes: notes)
  }

  // MARK: One fact

  /// The stated value of the fact, else `custom`, listed as a fact with its source.
  ///
  /// - Parameters:
  ///   - custom: The value where nobody states one.
  ///   - source: Where `custom` comes from.
  ///   - others: The values that would leave the same file, likely ones first.
  mutating func settle(
    _ custom: NetworkFact, from source: Fact.Source = .default, others: [NetworkFact] = []
  ) -> NetworkFact {
    let name = custom.name
    let statement = stated[name]
    let fact = statement?.fact ?? custom
    facts[name] = Fact(
      name.rawValue, fact.text, from: statement?.source ?? source, option: name.option)
    if facts[name]?.isAssumption == true {
      openFacts[name] = OpenFact(name: name, values: [fact] + others.filter { $0 != fact })
    }
    return fact
  }

  /// Lists `fact` in the place of the shorter form in which it was stated.
  mutating func rewrite(_ fact: NetworkFact) { facts[fact.name]?.value = fact.text }

  /// Lists `fact`, which the weights tell: `evidence` says how. A statement may only agree.
  mutating func tell(_ fact: NetworkFact, evidence: String) throws(ArchitectureError) {
    if let statement = stated[fact.name], statement.fact != fact {
      throw contradiction(statement, found: "\(fact.text) (\(evidence))")
    }
    facts[fact.name] = Fact(fact.name.rawValue, fact.text, from: .weights)
  }

  /// The error for `statement`, where the weights say `found`.
  func contradiction(_ statement: NetworkFacts.Statement, found: String) -> ArchitectureError {
    .mismatch(
      what: statement.fact.name.rawValue, requested: statement.fact.text, found: found,
      source: statement.evidence)
  }

  /// Notes a statement of the caller about `name`, which nothing in this network depends on.
  mutating func pass(_ name: NetworkFact.Name, because reason: String) {
    guard let statement = stated[name], statement.source == .option, statement.evidence != "--arch" else {
      return
    }
    notes.append("\(name.rawValue)=\(statement.fact.text) has no effect: \(reason)")
  }

  // MARK: Stem

  private mutating func settleStem() throws(ArchitectureError) {
    let isSmall = network.hasCIFARStem
    if case .stemStride(let stride) = settle(
      .stemStride(network.stem.stride), from: isSmall ? .family : .default,
      others: [1, 2].map(NetworkFact.stemStride))
    {
      network.stem.stride = stride
    }
    if case .convolution = network.stem.pool {
      return try tell(.stemPool(.convolution), evidence: "maxpool.0.weight")
    }
    let others: [StemPoolKind] = [.none, .max, .maxCeil, .max2, .average, .average2]
    let custom = network.stem.pool.kind
    if case .stemPool(let kind) = settle(
      .stemPool(custom), from: custom == .max ? .default : .family, others: others.map(NetworkFact.stemPool))
    {
      if kind == .convolution, let statement = stated[.stemPool] {
        throw contradiction(statement, found: "no maxpool.0.weight")
      }
      network.stem.pool = .plain(kind)
    }
  }

  // MARK: End

  private mutating func settleEnd(_ values: StoredValues) throws(ArchitectureError) {
    if case .batchNormEpsilon(let epsilon) = settle(
      .batchNormEpsilon(1e-5), others: [1e-3, 1e-6, 1e-4, 2e-5].map(NetworkFact.batchNormEpsilon))
    {
      network.batchNormEpsilon = epsilon
    }
    try settlePool(values)
    try settleHead()
    guard network.classes > 0 else { return pass(.outputs, because: "the network has no classifier") }
    if case .outputs(let meaning) = settle(
      .outputs(.logits), others: [OutputMeaning.softmax, .sigmoid].map(NetworkFact.outputs))
    {
      network.outputs = meaning
    }
  }

  private mutating func settlePool(_ values: StoredValues) throws(ArchitectureError) {
    if let exponent = values.poolExponent {
      network.pool = .generalisedMean(exponent: exponent)
      return try tell(.pool(network.pool), evidence: "an exponent beside the weights")
    }
    let readsPairs = network.pool.featuresPerChannel == 2
    let usual: [GlobalPool] =
      readsPairs
      ? [network.pool, .concatAverageMaximum, .concatMaximumAverage]
      : [.average, .generalisedMean(exponent: 3), .maximum, .averageMaximum]
    let settled = settle(
      .pool(usual[0]), from: readsPairs ? .family : .default, others: usual.map(NetworkFact.pool))
    guard case .pool(let pool) = settled else { return }
    let hasHead = !network.head.isEmpty
    if hasHead, pool.featuresPerChannel != (readsPairs ? 2 : 1), let statement = stated[.pool] {
      let width = network.mapChannels * (readsPairs ? 2 : 1)
      throw contradiction(statement, found: "a head that reads \(width) features")
    }
    network.pool = pool
  }

  private mutating func settleHead() throws(ArchitectureError) {
    let custom = HeadLayers(network.head.map(\.kind))
    let hasRoom = custom.layers.count > custom.weighted.count
    guard hasRoom else {
      // A linear layer without bias may also be meant for normalised features and weights (a cosine).
      let isBare = network.head.contains { if case .linear(_, _, false) = $0 { true } else { false } }
      if isBare, stated[.head].map({ $0.fact == .head(custom) }) ?? true {
        _ = settle(.head(custom), from: .family)
        return
      }
      return try tell(.head(custom), evidence: "the shapes of its tensors")
    }
    let plain = HeadLayers(custom.weighted)
    let others = ActivationFunction.usual.prefix(3).map { function in
      HeadLayers(custom.layers.map { if case .activation = $0 { .activation(function) } else { $0 } })
    }
    let settled = settle(.head(custom), from: .family, others: [.head(plain)] + others.map(NetworkFact.head))
    guard case .head(let head) = settled, let statement = stated[.head] else { return }
    guard head.weighted == custom.weighted else { throw contradiction(statement, found: custom.text) }
    var weighted = network.head.filter { if case .activation = $0 { false } else { true } }[...]
    network.head = head.layers.compactMap { layer in
      if case .activation(let function) = layer { return .activation(function) }
      return weighted.popFirst()
    }
  }
}

extension ArchitectureDescription.HeadLayer {
  /// The layer as a fact has it.
  package var kind: HeadLayers.Layer {
    switch self {
    case .linear: .linear
    case .batchNorm: .batchNorm
    case .activation(let function): .activation(function)
    }
  }
}
