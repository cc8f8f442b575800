import FixresBase
import FixresIR

/// A checkpoint that has been read once: the model of any statement of facts is made from it without reading weights
/// again.
///
/// Order: names and shapes -> `ArchitectureInference` -> `FactResolution` -> `NetworkBuilder`; weights by `WeightLoader`.
package struct CheckpointDraft: Sendable {
  /// The checkpoint's file, for errors.
  let path: String
  /// Facts of the `config.json` in its folder.
  let configuration: SourceConfiguration?
  /// Facts that the caller states.
  let options: ImportOptions
  /// The network as names and shapes tell it.
  let inferred: InferredArchitecture
  /// What options, configuration and the checkpoint's own entries state about the network.
  let stated: NetworkFacts
  /// What the values of some tensors say about the network.
  let values: FactResolution.StoredValues
  /// The data of every parameter.
  let constants: Constants
  /// Where the tensors lie in the file, what is left of it, and findings so far.
  let wrapper: String?
  let ignored: [String]
  let notes: [String]
  /// The container, for metadata.
  let source: String

  /// Reads `checkpoint`, the file at `path`.
  ///
  /// - Throws: `FormatError.architecture`, `.unreadableTensor` or `.model`.
  package init(
    path: String, checkpoint: Checkpoint, configuration: SourceConfiguration?, options: ImportOptions
  ) throws(FormatError) {
    (self.path, self.configuration, self.options) = (path, configuration, options)
    wrapper = checkpoint.wrapper
    source = checkpoint.source.sentence
    var notes = checkpoint.notes + (configuration?.notes ?? [])
    var stated = NetworkFacts()
    let weights: WeightShapes
    do {
      weights = try WeightShapes(checkpoint)
      inferred = try ArchitectureInference.infer(weights)
      try Self.state(options, in: &stated, about: inferred)
      try configuration?.state(in: &stated, about: inferred)
      try StoredArguments(checkpoint.metadata).state(in: &stated, about: inferred, &notes)
      try Self.state(nameOf: options, in: &stated, about: inferred)
    } catch {
      throw Self.explain(error, checkpoint, path: path)
    }
    self.stated = stated
    ignored = checkpoint.ignored + inferred.ignored
    let loader = WeightLoader(path: path, checkpoint: checkpoint, names: weights.names)
    values = try Self.storedValues(of: inferred, loader, checkpoint, weights, path: path)
    // One graph gives the shapes that its layers need; facts change none of them.
    let first = try Self.resolve(inferred, stated, values, path: path)
    let built = try Self.build(first.description, at: nil, options, configuration, path: path)
    let loaded = try loader.load(
      built.graph, without: Set(built.derived.keys), epsilon: first.description.batchNormEpsilon)
    constants = loaded.constants
    self.notes = notes + loaded.warnings
  }

  /// The error for `error`; a tensor that is missing because it is unreadable gives the reason for that.
  private static func explain(
    _ error: ArchitectureError, _ checkpoint: Checkpoint, path: String
  ) -> FormatError {
    if case .missingTensor(let name, _) = error, let reason = checkpoint.unreadable[name] {
      return .unreadableTensor(name: name, reason: reason)
    }
    return .architecture(path: path, error)
  }

  // MARK: Values of tensors

  private static func storedValues(
    of inferred: InferredArchitecture, _ loader: WeightLoader, _ checkpoint: Checkpoint,
    _ weights: WeightShapes,
    path: String
  ) throws(FormatError) -> FactResolution.StoredValues {
    func numbers(_ name: String) throws(FormatError) -> [Float] {
      guard let tensor = checkpoint.tensors.first(where: { weights.names.canonical($0.name) == name })
      else { return [] }
      return try loader.load(tensor, shape: tensor.shape).floats
    }
    var values = FactResolution.StoredValues()
    if inferred.hasPoolExponent {
      let exponent = try numbers(InferredArchitecture.poolExponent).first.map { Double($0) } ?? 0
      guard exponent.isFinite, exponent > 0, exponent <= 64 else {
        throw .architecture(
          path: path,
          .unsupported(
            feature: "a generalised mean with the exponent \(exponent)",
            evidence: weights.fileName(of: InferredArchitecture.poolExponent)))
      }
      values.poolExponent = exponent
    }
    if inferred.hasInputNormalisation {
      let (mean, deviation) = (try numbers("input.mean"), try numbers("input.std"))
      guard (mean + deviation).allSatisfy(\.isFinite), deviation.allSatisfy({ $0 > 0 }) else {
        throw .architecture(
          path: path,
          .unsupported(
            feature: "a normalisation of the input by \(mean) and \(deviation)",
            evidence: weights.fileName(of: "input.std")))
      }
      values.inputNormalisation = .init(mean: mean, standardDeviation: deviation)
    }
    return values
  }

  // MARK: Models

  private static func resolve(
    _ inferred: InferredArchitecture, _ stated: NetworkFacts, _ values: FactResolution.StoredValues,
    path: String
  ) throws(FormatError) -> ResolvedNetwork {
    do {
      return try FactResolution.resolve(inferred, stated, values: values)
    } catch {
      throw .architecture(path: path, error)
    }
  }

  private static func build(
    _ network: ArchitectureDescription, at size: Extent?, _ options: ImportOptions,
    _ configuration: SourceConfiguration?, path: String
  ) throws(FormatError) -> NetworkBuilder.Result {
    let resolution =
      size ?? options.trainResolution ?? configuration?.trainResolution
      ?? Extent(square: network.defaultTrainResolution)
    do {
      return try NetworkBuilder.build(network, name: network.name, resolution: resolution)
    } catch {
      throw .model(path: path, error)
    }
  }

  /// The network where `facts` are stated besides, with the source `source`.
  private func resolved(
    _ facts: [NetworkFact], from source: Fact.Source
  ) throws(FormatError) -> ResolvedNetwork {
    var all = stated
    for fact in facts { all.state(fact, from: source, source.rawValue) }
    return try Self.resolve(inferred, all, values, path: path)
  }

  /// The model where `facts` are stated besides, by `source`; weights are shared, not copied.
  ///
  /// - Parameter size: Height and width of the input; nil for the size of training.
  /// - Throws: `FormatError.architecture` where the facts contradict the weights, `.model` where a layer does not fit.
  package func model(
    _ facts: [NetworkFact] = [], from source: Fact.Source = .reference, at size: Extent? = nil
  ) throws(FormatError) -> Model {
    try result(facts, from: source, at: size).model
  }

  /// As `model`, with what was found and assumed.
  ///
  /// - Throws: As `model`.
  package func result(
    _ facts: [NetworkFact] = [], from source: Fact.Source = .reference, at size: Extent? = nil
  ) throws(FormatError) -> ImportResult {
    let resolved = try resolved(facts, from: source)
    let network = resolved.description
    let built = try Self.build(network, at: size, options, configuration, path: path)
    var constants = constants
    for (name, tensor) in built.derived { constants[name] = tensor }
    var notes = notes + resolved.notes
    let metadata = try metadata(resolved, resolution: built.graph.resolution, &notes)
    let model: Model
    do {
      model = try Model(graph: built.graph, constants: constants, metadata: metadata)
    } catch {
      throw .model(path: path, error)
    }
    var result = ImportResult(
      model: model, architecture: network.name, assumed: metadata.assumptions, wrapper: wrapper,
      parameters: ImportResult.parameterCount(of: built.graph, without: Set(built.derived.keys)),
      ignored: ignored, notes: notes)
    result.openFacts = resolved.openFacts
    result.rebuild = { (facts, size) throws(FormatError) in
      try self.result(facts, from: .reference, at: size)
    }
    return result
  }

  private func metadata(
    _ resolved: ResolvedNetwork, resolution: Extent, _ notes: inout [String]
  ) throws(FormatError) -> ModelMetadata {
    let network = resolved.description
    let pictures = try pictures(of: network)
    notes += pictures.notes
    let labels = try options.labels(configuration, classes: network.classes, notes: &notes)
    var parameters = [HistoryEntry.Parameter("source", source)]
    if let wrapper { parameters.append(.init("wrapper", wrapper)) }
    if let name = options.architecture { parameters.append(.init("arch", name)) }
    parameters.append(.init("train_resolution", "\(pictures.trainResolution ?? resolution)"))
    let facts = resolved.facts + pictures.facts
    var metadata = ModelMetadata(
      architecture: network.name, trainResolution: pictures.trainResolution ?? resolution,
      preprocessing: pictures.preprocessing, labels: labels.labels, synsets: labels.synsets, source: source,
      assumptions: facts.filter(\.isAssumption).map(\.sentence), history: [HistoryEntry("import", parameters)]
    )
    metadata.facts = facts
    metadata.outputs = network.outputs
    return metadata
  }

  /// The facts of the pictures; a network that normalises its input is given plain values.
  private func pictures(of network: ArchitectureDescription) throws(FormatError) -> PictureFacts {
    var kind = PictureFacts.Network(
      channels: network.inputChannels, usualResolution: Extent(square: network.defaultTrainResolution))
    kind.isSmall = network.hasCIFARStem
    var stated: [PictureStatement] = []
    if let normalisation = network.inputNormalisation {
      var plain = PictureStatement(.weights)
      (plain.mean, plain.standardDeviation) = ([0], [1])
      plain.inputScale = normalisation.mean.contains { abs($0) > 1.5 } ? .byte : .unit
      stated.append(plain)
    }
    do {
      return try options.pictures(configuration, stated: stated, network: kind)
    } catch {
      throw .architecture(path: path, error)
    }
  }
}

extension Checkpoint.Source {
  /// The container as metadata names it.
  fileprivate var sentence: String {
    switch self {
    case .torchZip: "PyTorch zip"
    case .torchLegacy: "PyTorch legacy"
    case .safetensors: "safetensors"
    case .shardedSafetensors: "sharded safetensors"
    case .shardedTorch: "sharded PyTorch"
    }
  }
}

extension Fact {
  /// The assumption and the option that states another value, for people.
  package var sentence: String { "\(name)=\(value)" + (option.map { " (\($0) states another)" } ?? "") }
}
