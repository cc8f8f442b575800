/// What a training script stored beside the weights: `arch`, `args`, `hyper_parameters`.
struct StoredArguments {
  private let entries: [(key: String, leaf: String, value: String)]

  /// Entry in which our own safetensors files keep the facts of the network, as `--network` states them.
  static let factsKey = "fixresc.network"

  /// The entries of `metadata`, whose keys are paths such as `args.model`.
  init(_ metadata: [String: String]) {
    entries = metadata.sorted { $0.key < $1.key }.map { key, value in
      (key, key.split(separator: ".").last.map { $0.lowercased() } ?? "", value)
    }
  }

  /// Keys whose name has to be that of a supported network; others may name anything.
  private static let nameKeys = ["arch", "args.arch", "args.model"]
  private static let nameLeaves: Set = [
    "arch", "architecture", "arch_name", "model", "model_name", "model_arch", "backbone", "encoder", "net",
    "network",
  ]

  /// States what the entries say about the network with the weights of `inferred`.
  ///
  /// - Throws: `ArchitectureError.unsupported` where the training script built a network of another kind.
  func state(
    in facts: inout NetworkFacts, about inferred: InferredArchitecture, _ notes: inout [String]
  ) throws(ArchitectureError) {
    if let text = entries.first(where: { $0.key == Self.factsKey })?.value {
      for fact in try NetworkFact.list(parsing: text) { facts.state(fact, from: .checkpoint, Self.factsKey) }
    }
    for entry in entries {
      guard let fact = Self.fact(entry.leaf, entry.value, inferred) else { continue }
      facts.state(fact, from: .checkpoint, entry.key)
      if case .strides(let strides) = fact, entry.leaf == "output_stride" {
        let dilations = zip(strides.stages, inferred.usualStrides).contains { $0 != $1 }
        if dilations, let stride = Int(entry.value) {
          facts.state(.dilations(inferred.stages(outputStride: stride).1), from: .checkpoint, entry.key)
        }
      }
      notes.append("\(fact.name.rawValue)=\(fact.text), as \(entry.key) in the checkpoint says")
    }
    for entry in entries where Self.nameLeaves.contains(entry.leaf) {
      let isName = Self.nameKeys.contains(entry.key)
      let name: ArchitectureName
      do {
        name = try ArchitectureName(parsing: entry.value)
      } catch {
        if isName, case .unsupported = error { throw error }
        continue
      }
      guard let found = ArchitectureName(inferred.description), name.accepts(found) else {
        if isName {
          notes.append(
            "\(entry.key) in the checkpoint is \(entry.value), and the weights are those of "
              + "\(inferred.description.name): read from the weights")
        }
        continue
      }
      for fact in name.statedFacts + name.impliedFacts(of: inferred) {
        facts.state(fact, from: .checkpoint, entry.key)
      }
    }
  }

  private static func fact(
    _ leaf: String, _ value: String, _ inferred: InferredArchitecture
  ) -> NetworkFact? {
    let text = value.lowercased()
    switch leaf {
    case "activation", "act_layer", "act", "hidden_act", "nonlinearity", "act_fn", "activation_fn":
      return ActivationFunction(text: text).map { .activation(BlockActivation($0)) }
    case "last_stride":
      let plain = inferred.usualStrides
      guard let stride = Int(value), (1...8).contains(stride), !plain.isEmpty else { return nil }
      return .strides(StageStrides(plain.dropLast() + [stride]))
    case "output_stride":
      guard let stride = Int(value), [4, 8, 16, 32].contains(stride) else { return nil }
      return .strides(inferred.stages(outputStride: stride).0)
    case "gp", "global_pool", "pool_type":
      return inferred.hasPoolExponent ? nil : pool(text).map(NetworkFact.pool)
    case "bn_eps", "norm_eps":
      return NetworkFact(.batchNormEpsilon, text: value)
    default: return nil
    }
  }

  /// timm's name of a global pool; nil for one that is not supported.
  static func pool(_ name: String) -> GlobalPool? {
    let text = name.hasPrefix("fast") ? String(name.dropFirst(4)) : name
    guard let pool = GlobalPool(text: text.isEmpty ? "avg" : text) else { return nil }
    return pool == .concatMaximumAverage ? nil : pool
  }
}
