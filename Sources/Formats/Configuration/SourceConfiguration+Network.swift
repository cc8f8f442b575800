import FixresBase

/// What `config.json` states about the network itself.
extension SourceConfiguration {
  /// The facts of the network that a configuration states.
  package struct NetworkStatement: Hashable, Sendable {
    /// Facts in so many words.
    package var facts: [NetworkFact] = []
    /// timm's ratio of input to last map, which gives strides and dilations.
    package var outputStride: Int?
    /// Hugging Face: whether the first stage has stride 2.
    package var downsamplesInFirstStage: Bool?
    /// Hugging Face: `basic` or `bottleneck`.
    package var layerType: ArchitectureDescription.BlockKind?
    /// Blocks in each stage, where the file lists them.
    package var depths: [Int]?
    /// True where timm's arguments change the shapes that the architecture's name gives.
    package var isVariant = false
  }

  // MARK: timm

  /// Arguments that change the shapes of the weights.
  private static let shapeArguments: Set = [
    "block", "layers", "cardinality", "base_width", "stem_width", "stem_type", "replace_stem_pool",
    "block_reduce_first", "down_kernel_size", "avg_down", "channels", "block_args",
  ]

  /// Arguments of timm's `ResNet` that leave a trace in the weights, or only matter in training.
  private static let visibleArguments: Set = [
    "block", "layers", "num_classes", "in_chans", "cardinality", "base_width", "stem_width", "stem_type",
    "replace_stem_pool", "block_reduce_first", "down_kernel_size", "avg_down", "channels", "drop_rate",
    "drop_path_rate", "drop_block_rate", "zero_init_last", "block_args", "pretrained", "pretrained_cfg",
    "scriptable", "exportable", "checkpoint_path", "cache_dir", "img_size", "features_only",
    "drop_connect_rate",
  ]

  /// Reads the arguments with which timm builds the network `architecture`.
  mutating func readTimmNetwork(_ reader: ConfigurationReader) throws(ArchitectureError) {
    if let name = architecture, try reader.architectureName(name) == nil {
      notes.append(
        "config.json names the architecture \(name), which is not known: read from the weights alone")
    }
    if let arguments = reader.section("model_args") {
      if let name = try arguments.string("act_layer") {
        guard let function = ActivationFunction(text: name.lowercased()) else {
          throw .unsupported(feature: "the activation \(name)", evidence: "act_layer in \(reader.path)")
        }
        network.facts.append(.activation(BlockActivation(function)))
      }
      try arguments.refuseUnless(
        "norm_layer", in: ["batchnorm", "batchnorm2d"], feature: "another normalisation")
      if let name = try arguments.string("aa_layer") {
        network.facts.append(.antiAlias(try Self.antiAliasing(name, path: reader.path)))
      }
      network.outputStride = try arguments.integer("output_stride")
      network.isVariant =
        arguments.json.objectValue?.members.contains {
          Self.shapeArguments.contains($0.key)
        } ?? false
      for key in ["bn_eps", "norm_eps"] {
        if let epsilon = try arguments.number(key) { network.facts.append(.batchNormEpsilon(epsilon)) }
      }
      try readTimmPool(arguments)
      let known: Set = [
        "act_layer", "norm_layer", "aa_layer", "output_stride", "bn_eps", "norm_eps", "global_pool",
      ]
      for key in arguments.json.objectValue?.members.map(\.key) ?? []
      where !known.contains(key) && !Self.visibleArguments.contains(key) {
        notes.append("config.json: model_args.\(key) is not known and not used")
      }
    }
    try readTimmPool(reader)
  }

  private mutating func readTimmPool(_ reader: ConfigurationReader) throws(ArchitectureError) {
    guard let name = try reader.string("global_pool"), !name.isEmpty else { return }
    guard let pool = StoredArguments.pool(name) else {
      throw .unsupported(feature: "global pooling by \(name)", evidence: "global_pool in \(reader.path)")
    }
    network.facts.append(.pool(pool))
  }

  private static func antiAliasing(_ name: String, path: String) throws(ArchitectureError) -> AntiAliasing {
    switch name.lowercased().filter({ $0 != "_" && $0 != "-" }) {
    case "avg", "avgpool", "avgpool2d": return .average2
    case "blur", "blurpool", "blurpool2d": return .blur3
    default: throw .unsupported(feature: "anti-aliasing by \(name)", evidence: "aa_layer in \(path)")
    }
  }

  // MARK: Hugging Face

  /// Reads the fields of Hugging Face's `ResNetConfig`.
  mutating func readHuggingFaceNetwork(_ reader: ConfigurationReader) throws(ArchitectureError) {
    let name = try reader.string("hidden_act") ?? "relu"
    guard let function = ActivationFunction(text: name.lowercased()) else {
      throw .unsupported(feature: "the activation \(name)", evidence: "hidden_act in \(reader.path)")
    }
    let inFirst = try reader.flag("downsample_in_bottleneck") ?? false
    network.downsamplesInFirstStage = try reader.flag("downsample_in_first_stage") ?? false
    network.depths = try reader.integers("depths")
    if let text = try reader.string("layer_type") {
      guard let kind = ArchitectureDescription.BlockKind(rawValue: text) else {
        throw reader.invalid("layer_type", "basic or bottleneck", text)
      }
      network.layerType = kind
    }
    let isMultiLabel = try reader.string("problem_type") == "multi_label_classification"
    network.facts = [
      .activation(BlockActivation(function, inner: .relu).normalised),
      .strideOn(inFirst ? .firstConvolution : .secondConvolution), .stemStride(2),
      .stemPool(.max), .antiAlias(.none), .pool(.average), .batchNormEpsilon(1e-5), .gate(.sigmoid),
      .outputs(isMultiLabel ? .sigmoid : .logits),
    ]
  }

  // MARK: Statements

  /// States what the file says about the network with the weights of `inferred`.
  ///
  /// - Throws: `ArchitectureError.mismatch` where name, depths or kind of block are those of another network.
  func state(
    in facts: inout NetworkFacts, about inferred: InferredArchitecture
  ) throws(ArchitectureError) {
    let description = inferred.description
    func mismatch(_ what: String, _ requested: String, _ found: String) -> ArchitectureError {
      .mismatch(what: what, requested: requested, found: found, source: path)
    }
    func list(_ numbers: [Int]) -> String { "[" + numbers.map(String.init).joined(separator: ", ") + "]" }
    if let depths = network.depths, depths != description.depths {
      throw mismatch("blocks a stage", list(depths), list(description.depths))
    }
    if let kind = network.layerType, let other = description.blocks.first(where: { $0.kind != kind }) {
      throw mismatch("layer_type", kind.rawValue, other.kind.rawValue)
    }
    for fact in network.facts where isOpen(fact, in: inferred) {
      facts.state(fact, from: .configuration, path)
    }
    if let stride = network.outputStride {
      let (strides, dilations) = inferred.stages(outputStride: stride)
      facts.state(.strides(strides), from: .configuration, path)
      facts.state(.dilations(dilations), from: .configuration, path)
    }
    if let inFirst = network.downsamplesInFirstStage {
      let count = description.stages.count
      let strides = [inFirst ? 2 : 1] + [Int](repeating: 2, count: max(count - 1, 0))
      facts.state(.strides(StageStrides(strides)), from: .configuration, path)
      facts.state(.dilations(StageDilations([Int](repeating: 1, count: count))), from: .configuration, path)
    }
    guard let architecture, let name = try? ArchitectureName(parsing: architecture) else { return }
    if !network.isVariant { try name.compare(architecture, with: description, source: path) }
    for fact in name.statedFacts + name.impliedFacts(of: inferred, isVariant: network.isVariant) {
      facts.state(fact, from: .configuration, path)
    }
  }

  /// False for a fact that the weights themselves settle, such as the pool of a head that reads concatenated features.
  private func isOpen(_ fact: NetworkFact, in inferred: InferredArchitecture) -> Bool {
    switch fact {
    case .pool: !inferred.hasPoolExponent
    case .stemPool: if case .plain = inferred.description.stem.pool { true } else { false }
    default: true
    }
  }
}

extension InferredArchitecture {
  /// timm's rule: stages beyond `outputStride` keep their size, and their strides become dilations.
  func stages(outputStride: Int) -> (StageStrides, StageDilations) {
    var (stride, dilation) = (4, 1)
    var strides: [Int] = []
    var dilations: [Int] = []
    for plain in usualStrides {
      if stride >= outputStride {
        dilation = min(dilation.multipliedReportingOverflow(by: plain).partialValue, 64)
        strides.append(1)
      } else {
        stride *= plain
        strides.append(plain)
      }
      dilations.append(dilation)
    }
    return (StageStrides(strides), StageDilations(dilations))
  }
}
