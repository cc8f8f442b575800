// What options state about a network, and names that have to agree with its weights.
extension CheckpointDraft {
  /// States the single facts of `options`, and what `--arch` states in so many words.
  static func state(
    _ options: ImportOptions, in facts: inout NetworkFacts, about network: InferredArchitecture
  ) throws(ArchitectureError) {
    for fact in options.network { facts.state(fact, from: .option, "--network") }
    if let outputs = options.outputs { facts.state(.outputs(outputs), from: .option, "--outputs") }
    if let epsilon = options.batchNormEpsilon {
      facts.state(.batchNormEpsilon(epsilon), from: .option, "--bn-eps")
    }
    guard let name = options.architecture else { return }
    let requested = try ArchitectureName(parsing: name)
    try requested.compare(name, with: network.description, source: "--arch")
    for fact in requested.statedFacts { facts.state(fact, from: .option, "--arch") }
  }

  /// States what the published network of `--arch` computes, where no source has stated anything.
  static func state(
    nameOf options: ImportOptions, in facts: inout NetworkFacts, about network: InferredArchitecture
  ) throws(ArchitectureError) {
    guard let name = options.architecture else { return }
    for fact in try ArchitectureName(parsing: name).impliedFacts(of: network) where facts[fact.name] == nil {
      facts.state(fact, from: .option, "--arch")
    }
  }
}

extension ArchitectureName {
  /// Throws where the name `text`, which `source` states, is not that of `network`.
  func compare(
    _ text: String, with network: ArchitectureDescription, source: String
  ) throws(ArchitectureError) {
    if let found = ArchitectureName(network), accepts(found) { return }
    let kinds = Set(network.blocks.map(\.kind.rawValue)).sorted().joined(separator: " and ")
    let depths = network.depths.map(String.init).joined(separator: "-")
    throw .mismatch(
      what: "architecture", requested: text, found: "\(network.name) (\(kinds) blocks \(depths))",
      source: source)
  }
}
