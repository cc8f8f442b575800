import FixresBase
import FixresIR

/// One import: combines a checkpoint with the facts stated about it into a model.
///
/// Order: names and shapes -> `ArchitectureInference` -> `NetworkBuilder` -> `WeightLoader` -> metadata. A
/// fact comes from the first source that states it: an option, `config.json`, the weights, a default that is
/// then listed as assumed.
struct CheckpointImporter {
  /// The checkpoint's file, for errors.
  let path: String
  /// The tensors.
  let checkpoint: Checkpoint
  /// Facts of the `config.json` in its folder.
  let configuration: SourceConfiguration?
  /// Facts that the caller states.
  let options: ImportOptions
  private var assumed: [String] = []
  private var notes: [String]

  /// Creates an import, which `run` performs.
  init(
    path: String, checkpoint: Checkpoint, configuration: SourceConfiguration?, options: ImportOptions
  ) {
    self.path = path
    self.checkpoint = checkpoint
    self.configuration = configuration
    self.options = options
    notes = checkpoint.notes + (configuration?.notes ?? [])
  }

  /// The model, unfused and at its training resolution.
  ///
  /// - Throws: `FormatError.architecture`, `.unreadableTensor` or `.model`.
  mutating func run() throws(FormatError) -> ImportResult {
    let inferred: InferredArchitecture
    let weights: WeightShapes
    do {
      try refuseTrainedVariant()
      weights = try WeightShapes(checkpoint)
      inferred = try ArchitectureInference.infer(weights, hints: try hints())
      try compareNames(inferred.description)
    } catch {
      throw explain(error)
    }
    assumed = inferred.assumed
    let network = inferred.description
    let resolution = trainResolution(network)
    let graph: Graph
    do {
      graph = try NetworkBuilder.build(network, name: network.name, resolution: resolution)
    } catch {
      throw .model(path: path, error)
    }
    let loader = WeightLoader(path: path, checkpoint: checkpoint, names: weights.names)
    let loaded = try loader.load(graph, epsilon: network.batchNormEpsilon)
    notes += loaded.warnings
    let metadata = try metadata(network, resolution: resolution)
    let model: Model
    do {
      model = try Model(graph: graph, constants: loaded.constants, metadata: metadata)
    } catch {
      throw .model(path: path, error)
    }
    return ImportResult(
      model: model, architecture: network.name, assumed: assumed, wrapper: checkpoint.wrapper,
      parameters: ImportResult.parameterCount(of: graph), ignored: checkpoint.ignored + inferred.ignored,
      notes: notes)
  }

  /// The error for `error`; a tensor that is missing because it is unreadable gives the reason for that.
  private func explain(_ error: ArchitectureError) -> FormatError {
    if case .missingTensor(let name, _) = error, let reason = checkpoint.unreadable[name] {
      return .unreadableTensor(name: name, reason: reason)
    }
    return .architecture(path: path, error)
  }

  // MARK: Facts stated about the weights

  /// Refuses a checkpoint whose training script stored the name (`arch`) of an unsupported network.
  private func refuseTrainedVariant() throws(ArchitectureError) {
    guard options.architecture == nil, let name = checkpoint.metadata["arch"] else { return }
    do {
      _ = try ArchitectureName(parsing: name)
    } catch {
      if case .unsupported = error { throw error }
    }
  }

  private func hints() throws(ArchitectureError) -> ArchitectureHints {
    var hints = configuration?.hints ?? ArchitectureHints()
    if let name = options.architecture {
      let placement = try ArchitectureName(parsing: name).stridePlacement
      // A name without `_v1` is v1.5, as torchvision and timm build it, unless config.json knows better.
      if let placement { hints.stridePlacement = placement }
    }
    if let epsilon = options.batchNormEpsilon { hints.batchNormEpsilon = epsilon }
    return hints
  }

  /// Throws where a stated name or depths contradict the weights: they only settle facts that weights do not
  /// tell.
  private func compareNames(_ network: ArchitectureDescription) throws(ArchitectureError) {
    if let name = options.architecture {
      try compare(name, with: network, source: "--arch")
    } else if let name = configuration?.architecture, let path = configuration?.path {
      do {
        try compare(name, with: network, source: path)
      } catch {
        guard case .unknownArchitecture = error else { throw error }
      }
    }
    if let depths = configuration?.depths, let path = configuration?.path, depths != network.depths {
      throw .mismatch(
        what: "blocks a stage", requested: Self.list(depths), found: Self.list(network.depths), source: path)
    }
  }

  private func compare(
    _ name: String, with network: ArchitectureDescription, source: String
  ) throws(ArchitectureError) {
    let requested = try ArchitectureName(parsing: name)
    if let found = ArchitectureName(network), requested.accepts(found) { return }
    let kinds = Set(network.blocks.map(\.kind.rawValue)).sorted().joined(separator: " and ")
    let depths = network.depths.map(String.init).joined(separator: "-")
    throw .mismatch(
      what: "architecture", requested: name, found: "\(network.name) (\(kinds) blocks \(depths))",
      source: source)
  }

  private static func list(_ numbers: [Int]) -> String {
    "[" + numbers.map(String.init).joined(separator: ", ") + "]"
  }

  // MARK: Metadata

  private mutating func trainResolution(_ network: ArchitectureDescription) -> Extent {
    if let size = options.trainResolution ?? configuration?.trainResolution { return size }
    let side = network.defaultTrainResolution
    assumed.append("trained at \(side)")
    return Extent(square: side)
  }

  private mutating func metadata(
    _ network: ArchitectureDescription, resolution: Extent
  ) throws(FormatError) -> ModelMetadata {
    var kind = PictureFacts.Network(channels: 3, usualResolution: resolution)
    kind.isSmall = network.hasCIFARStem
    let pictures: PictureFacts
    do {
      pictures = try options.pictures(configuration, network: kind)
    } catch {
      throw .architecture(path: path, error)
    }
    assumed += pictures.sentences
    notes += pictures.notes
    let labels = try options.labels(configuration, classes: network.classes, notes: &notes)
    var parameters = [HistoryEntry.Parameter("source", source)]
    if let wrapper = checkpoint.wrapper { parameters.append(.init("wrapper", wrapper)) }
    if let name = options.architecture { parameters.append(.init("arch", name)) }
    parameters.append(.init("train_resolution", "\(resolution)"))
    return ModelMetadata(
      architecture: network.name, trainResolution: resolution, preprocessing: pictures.preprocessing,
      labels: labels.labels, synsets: labels.synsets, source: source, assumptions: assumed,
      history: [HistoryEntry("import", parameters)])
  }

  private var source: String {
    switch checkpoint.source {
    case .torchZip: "PyTorch zip"
    case .torchLegacy: "PyTorch legacy"
    case .safetensors: "safetensors"
    case .shardedSafetensors: "sharded safetensors"
    case .shardedTorch: "sharded PyTorch"
    }
  }
}
