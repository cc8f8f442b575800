/// Reads depth, width, groups, stem, shortcuts, attention and head off the names and shapes of weights.
///
/// Every tensor of the network is claimed once, in the order of its layers, with the shape that the layers
/// before it imply; the first missing or misshapen one is the error. By torchvision's names:
///
///     input.mean, input.std                  normalisation inside the network
///     conv1 [c, 3, 7, 7] or [c, 3, 3, 3]     stem; conv1.0, .3, .6: a deep stem; 1, 3 or 4 input channels
///     maxpool.0                              ResNet-RS: a convolution as stem pool
///     layerS.B.conv1, conv2 (, conv3)        block B of stage S; a conv3 in the stage makes it a bottleneck
///     layerS.B.conv2 [c, c / groups, 3, 3]   the second axis of a bottleneck's gives the groups
///     layerS.B.downsample.0                  projection; .1 of rank 4: average pool before it (ResNet-D)
///     layerS.B.se.fc1, .fc2                  squeeze-and-excitation
///     pool.p                                 exponent of a generalised mean
///     neck, fc or fc.N                       batch norm of the features; classifier of one or more layers
///
/// A tensor that nothing claims is an error, unless it is a counter.
/// What these do not tell (`NetworkFact`) has the family's usual values until `FactResolution` settles it.
package struct ArchitectureInference {
  private var weights: WeightShapes
  private let hasShortcutParameters: Bool

  private init(weights: WeightShapes) {
    self.weights = weights
    hasShortcutParameters = weights.canonicalNames.contains {
      let parts = $0.split(separator: ".", maxSplits: 3)
      return parts.count == 4 && parts[2] == "downsample" && parts[0].hasPrefix("layer")
    }
  }

  /// Reads the network off `weights`.
  ///
  /// - Throws: `ArchitectureError`, for weights that are not those of a supported network.
  package static func infer(_ weights: WeightShapes) throws(ArchitectureError) -> InferredArchitecture {
    var inference = ArchitectureInference(weights: weights)
    do { return try inference.run() } catch { throw UnsupportedVariant.explain(error, weights) }
  }

  private mutating func run() throws(ArchitectureError) -> InferredArchitecture {
    let stem = try readStem()
    let channels = stem.convolutions[0].inputs
    let hasNormalisation = try claimInputNormalisation(channels: channels)
    let stages = try readStages(stem)
    guard let last = stages.last?.last else {
      throw .missingTensor(
        name: weights.fileName(of: "layer1.0.conv1.weight"),
        expected: ShapePattern([nil, stem.outputs, nil, nil]))
    }
    let hasExponent = try claimPoolExponent()
    var head = HeadInference(mapChannels: last.outputs)
    try head.read(&weights)
    var description = ArchitectureDescription(
      stem: stem, stages: stages, head: head.layers, inputChannels: channels)
    if head.readsPairs {
      // fastai's head begins with a batch norm of the maxima and averages; timm's has none.
      let beginsWithNorm = if case .batchNorm = head.layers.first { true } else { false }
      description.pool = beginsWithNorm ? .concatMaximumAverage : .concatAverageMaximum
    }
    return InferredArchitecture(
      description: description, naming: weights.names.naming, isFree: !hasShortcutParameters,
      hasInputNormalisation: hasNormalisation, hasPoolExponent: hasExponent, parameters: weights.claimed,
      ignored: try UnclaimedTensors.judge(weights))
  }

  // MARK: Stem

  /// The channels of the pictures; 3 where the weights of the first convolution are no convolution's.
  private func inputChannels(_ module: String) throws(ArchitectureError) -> Int {
    guard let shape = weights[module + ".weight"], shape.count == 4, shape[1] > 0 else { return 3 }
    guard [1, 3, 4].contains(shape[1]) else {
      throw .unsupported(
        feature: "an input of \(shape[1]) channels (1, 3 and 4 are read)",
        evidence: weights.fileName(of: module + ".weight"))
    }
    return shape[1]
  }

  private mutating func readStem() throws(ArchitectureError) -> ArchitectureDescription.Stem {
    if weights.contains("conv1.0.weight") { return try readDeepStem() }
    let convolution = try weights.claimConvolution(
      "conv1", inputs: try inputChannels("conv1"), kernels: [7, 3, 5])
    try weights.claimBatchNorm("bn1", channels: convolution.outputs)
    let pool = try readStemPool(convolution.outputs, isSmall: convolution.kernel == 3)
    return .init(convolutions: [convolution], stride: convolution.kernel == 3 ? 1 : 2, pool: pool)
  }

  private mutating func readDeepStem() throws(ArchitectureError) -> ArchitectureDescription.Stem {
    var convolutions: [ArchitectureDescription.Convolution] = []
    for (module, norm) in [("conv1.0", "conv1.1"), ("conv1.3", "conv1.4"), ("conv1.6", "bn1")] {
      let channels = try inputChannels("conv1.0")
      let inputs = convolutions.last?.outputs ?? channels
      convolutions.append(try weights.claimConvolution(module, inputs: inputs, kernels: [3]))
      try weights.claimBatchNorm(norm, channels: convolutions[convolutions.count - 1].outputs)
    }
    let pool = try readStemPool(convolutions[2].outputs, isSmall: false)
    return .init(convolutions: convolutions, stride: 2, pool: pool)
  }

  private mutating func readStemPool(
    _ channels: Int, isSmall: Bool
  ) throws(ArchitectureError) -> ArchitectureDescription.StemPool {
    guard weights.contains("maxpool.0.weight") else {
      return .plain(isSmall ? .none : weights.names.naming == .senet ? .maxCeil : .max)
    }
    let convolution = try weights.claimConvolution("maxpool.0", inputs: channels, kernels: [3])
    try weights.claimBatchNorm("maxpool.1", channels: convolution.outputs)
    return .convolution(convolution)
  }

  private mutating func claimInputNormalisation(channels: Int) throws(ArchitectureError) -> Bool {
    guard weights.contains("input.mean") || weights.contains("input.std") else { return false }
    for name in ["input.mean", "input.std"] {
      guard let shape = weights[name], shape.reduce(1, *) == channels, shape.count <= 4 else {
        try weights.claim(name, ShapePattern([channels]))
        continue
      }
      try weights.claim(name, ShapePattern(shape))
    }
    return true
  }

  private mutating func claimPoolExponent() throws(ArchitectureError) -> Bool {
    let name = InferredArchitecture.poolExponent
    guard let shape = weights[name] else { return false }
    guard shape.reduce(1, *) == 1 else {
      throw .unsupported(
        feature: "a generalised mean with an exponent for each channel", evidence: weights.fileName(of: name))
    }
    try weights.claim(name, ShapePattern(shape))
    return true
  }

  // MARK: Stages

  private mutating func readStages(_ stem: ArchitectureDescription.Stem) throws(ArchitectureError)
    -> [[ArchitectureDescription.Block]]
  {
    let depths = stageDepths()
    var stages: [[ArchitectureDescription.Block]] = []
    var inputs = stem.outputs
    for (stage, depth) in depths.enumerated() {
      var blocks: [ArchitectureDescription.Block] = []
      let isBottleneck = (0..<depth).contains { weights.hasModule("layer\(stage + 1).\($0).conv3") }
      for index in 0..<depth {
        let block = try readBlock(
          "layer\(stage + 1).\(index)", kind: isBottleneck ? .bottleneck : .basic, inputs: inputs)
        inputs = block.outputs
        blocks.append(block)
      }
      stages.append(blocks)
    }
    return stages
  }

  /// Blocks in each stage: the greatest index + 1, so that a gap shows as a missing tensor.
  ///
  /// The number of stages is capped by the number of tensors, since every block has at least two.
  private func stageDepths() -> [Int] {
    var depths: [Int: Int] = [:]
    var stageCount = 0
    for name in weights.canonicalNames where name.hasPrefix("layer") {
      let parts = name.split(separator: ".", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3, let stage = NameMap.index(parts[0].dropFirst(5)), stage > 0,
        let block = NameMap.index(parts[1])
      else { continue }
      depths[stage] = max(depths[stage] ?? 0, block + 1)
      stageCount = max(stageCount, stage)
    }
    return (0..<min(stageCount, weights.canonicalNames.count)).map { max(1, depths[$0 + 1] ?? 0) }
  }

  private mutating func readBlock(
    _ name: String, kind: ArchitectureDescription.BlockKind, inputs: Int
  ) throws(ArchitectureError) -> ArchitectureDescription.Block {
    var convolutions: [ArchitectureDescription.Convolution] = []
    let kernels = kind == .basic ? [3, 3] : [1, 3, 1]
    for (index, kernel) in kernels.enumerated() {
      let convolution = try weights.claimConvolution(
        "\(name).conv\(index + 1)", inputs: convolutions.last?.outputs ?? inputs, kernels: [kernel],
        grouped: kind == .bottleneck && index == 1)
      try weights.claimBatchNorm("\(name).bn\(index + 1)", channels: convolution.outputs)
      convolutions.append(convolution)
    }
    let outputs = convolutions[convolutions.count - 1].outputs
    let attention = try readSqueezeExcitation(name, channels: outputs)
    let shortcut = try readShortcut(name, inputs: inputs, outputs: outputs)
    return .init(
      name: name, kind: kind, stride: 1, convolutions: convolutions, shortcut: shortcut,
      squeezeExcitation: attention)
  }

  private mutating func readShortcut(
    _ block: String, inputs: Int, outputs: Int
  ) throws(ArchitectureError) -> ArchitectureDescription.Shortcut {
    let module = block + ".downsample."
    if weights[module + "1.weight"]?.count == 4 {
      let convolution = try weights.claimConvolution(
        module + "1", inputs: inputs, outputs: outputs, kernels: [1])
      try weights.claimBatchNorm(module + "2", channels: outputs)
      return .averagePool(convolution, module: 1)
    }
    if !weights.hasModule(module + "0") {
      if inputs == outputs { return .identity }
      if !hasShortcutParameters, outputs > inputs { return .free(averages: false, zerosAtEnd: false) }
    }
    let convolution = try weights.claimConvolution(
      module + "0", inputs: inputs, outputs: outputs, kernels: [1, 3])
    try weights.claimBatchNorm(module + "1", channels: outputs)
    return .convolution(convolution)
  }

  private mutating func readSqueezeExcitation(_ block: String, channels: Int) throws(ArchitectureError)
    -> ArchitectureDescription.SqueezeExcitation?
  {
    let pairs = [("se.fc1", "se.fc2"), ("se.fc.0", "se.fc.2")]
    guard let (reduce, expand) = pairs.first(where: { weights.hasModule(block + "." + $0.0) }) else {
      return nil
    }
    let first = block + "." + reduce
    let second = block + "." + expand
    let rank = weights[first + ".weight"]?.count == 2 ? 2 : 4
    let tail: [Int?] = rank == 4 ? [1, 1] : []
    let reduced = try weights.claim(first + ".weight", ShapePattern([nil, channels] + tail))[0]
    let hasBias = weights.contains(first + ".bias")
    if hasBias { try weights.claim(first + ".bias", ShapePattern([reduced])) }
    try weights.claim(second + ".weight", ShapePattern([channels, reduced] + tail))
    if hasBias { try weights.claim(second + ".bias", ShapePattern([channels])) }
    return .init(
      reduced: reduced, hasBias: hasBias, weightRank: rank, reduceName: reduce, expandName: expand)
  }
}
