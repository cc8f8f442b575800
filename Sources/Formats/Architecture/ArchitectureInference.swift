/// Reads depth, width, groups, stem, shortcuts and attention off the names and shapes of weights.
///
/// Every tensor of the network is claimed once, in the order of its layers, with the shape that the layers
/// before it imply; the first missing or misshapen one is the error. By torchvision's names:
///
///     conv1 [c, 3, 7, 7] or [c, 3, 3, 3]     stem; conv1.0, .3, .6: a deep stem
///     maxpool.0                              ResNet-RS: a convolution as stem pool
///     layerS.B.conv1, conv2 (, conv3)        block B of stage S; a conv3 in the stage makes it a bottleneck
///     layerS.B.conv2 [c, c / groups, 3, 3]   the second axis of a bottleneck's gives the groups
///     layerS.B.downsample.0                  projection; .1 of rank 4: average pool before it (ResNet-D)
///     layerS.B.se.fc1, .fc2                  squeeze-and-excitation
///     fc [classes, features]                 classifier
///
/// A tensor that nothing claims is an error, unless it is a counter.
package struct ArchitectureInference {
  private var weights: WeightShapes
  private let hints: ArchitectureHints
  private let hasShortcutParameters: Bool

  private init(weights: WeightShapes, hints: ArchitectureHints) {
    self.weights = weights
    self.hints = hints
    hasShortcutParameters = weights.canonicalNames.contains {
      let parts = $0.split(separator: ".", maxSplits: 3)
      return parts.count == 4 && parts[2] == "downsample" && parts[0].hasPrefix("layer")
    }
  }

  /// Reads the network off `weights`; `hints` settle what names and shapes do not tell.
  ///
  /// - Throws: `ArchitectureError`, for weights that are not those of a supported network.
  package static func infer(
    _ weights: WeightShapes, hints: ArchitectureHints = .init()
  ) throws(ArchitectureError) -> InferredArchitecture {
    var inference = ArchitectureInference(weights: weights, hints: hints)
    do { return try inference.run() } catch { throw UnsupportedVariant.explain(error, weights) }
  }

  private mutating func run() throws(ArchitectureError) -> InferredArchitecture {
    let stem = try readStem()
    let stages = try readStages(stem)
    guard let last = stages.last?.last else {
      throw .missingTensor(
        name: weights.fileName(of: "layer1.0.conv1.weight"),
        expected: ShapePattern([nil, stem.outputs, nil, nil]))
    }
    let classes = try weights.claim("fc.weight", classifierPattern(features: last.outputs))[0]
    try weights.claim("fc.bias", ShapePattern([classes]))
    var description = ArchitectureDescription(stem: stem, stages: stages, classes: classes)
    let isCaffe = weights.names.naming == .senet && Self.isPlainSENet(description)
    description.stridePlacement = hints.stridePlacement ?? (isCaffe ? .firstConvolution : .secondConvolution)
    description.batchNormEpsilon = hints.batchNormEpsilon ?? 1e-5
    return InferredArchitecture(
      description: description, parameters: weights.claimed, ignored: try UnclaimedTensors.judge(weights),
      assumed: assumptions(description, isCaffe: isCaffe))
  }

  /// `[classes, features]`, with trailing axes of 1 where timm stores the head as a 1x1 convolution.
  private func classifierPattern(features: Int) -> ShapePattern {
    weights["fc.weight"]?.count == 4
      ? ShapePattern([nil, features, 1, 1]) : ShapePattern([nil, features])
  }

  /// The SE-ResNets of the SENet family put the stride into the first 1x1 convolution, the grouped ones do
  /// not.
  private static func isPlainSENet(_ description: ArchitectureDescription) -> Bool {
    description.blocks.allSatisfy { $0.kind == .bottleneck && $0.convolutions[1].groups == 1 }
  }

  // MARK: Stem

  private mutating func readStem() throws(ArchitectureError) -> ArchitectureDescription.Stem {
    if weights.contains("conv1.0.weight") { return try readDeepStem() }
    let convolution = try weights.claimConvolution("conv1", inputs: 3, kernels: [7, 3])
    try weights.claimBatchNorm("bn1", channels: convolution.outputs)
    if convolution.kernel == 3 {
      return .init(convolutions: [convolution], stride: 1, pool: .none)
    }
    return .init(convolutions: [convolution], stride: 2, pool: try readStemPool(convolution.outputs))
  }

  private mutating func readDeepStem() throws(ArchitectureError) -> ArchitectureDescription.Stem {
    var convolutions: [ArchitectureDescription.Convolution] = []
    for (module, norm) in [("conv1.0", "conv1.1"), ("conv1.3", "conv1.4"), ("conv1.6", "bn1")] {
      let inputs = convolutions.last?.outputs ?? 3
      convolutions.append(try weights.claimConvolution(module, inputs: inputs, kernels: [3]))
      try weights.claimBatchNorm(norm, channels: convolutions[convolutions.count - 1].outputs)
    }
    let pool = try readStemPool(convolutions[2].outputs)
    return .init(convolutions: convolutions, stride: 2, pool: pool)
  }

  private mutating func readStemPool(_ channels: Int) throws(ArchitectureError)
    -> ArchitectureDescription.StemPool
  {
    guard weights.contains("maxpool.0.weight") else {
      return weights.names.naming == .senet ? .maxCeil : .max
    }
    let convolution = try weights.claimConvolution("maxpool.0", inputs: channels, kernels: [3])
    try weights.claimBatchNorm("maxpool.1", channels: convolution.outputs)
    return .convolution(convolution)
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
      let stageStride = stage > 0 || hints.downsamplesInFirstStage == true ? 2 : 1
      for index in 0..<depth {
        let block = try readBlock(
          "layer\(stage + 1).\(index)", kind: isBottleneck ? .bottleneck : .basic, inputs: inputs,
          stride: index == 0 ? stageStride : 1, isCIFAR: !stem.isDeep && stem.stride == 1)
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
    _ name: String, kind: ArchitectureDescription.BlockKind, inputs: Int, stride: Int, isCIFAR: Bool
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
    let shortcut = try readShortcut(
      name, inputs: inputs, outputs: outputs, stride: stride, mayBeFree: isCIFAR && kind == .basic)
    return .init(
      name: name, kind: kind, stride: stride, convolutions: convolutions, shortcut: shortcut,
      squeezeExcitation: attention)
  }

  private mutating func readShortcut(
    _ block: String, inputs: Int, outputs: Int, stride: Int, mayBeFree: Bool
  ) throws(ArchitectureError) -> ArchitectureDescription.Shortcut {
    let module = block + ".downsample."
    if weights[module + "1.weight"]?.count == 4 {
      let convolution = try weights.claimConvolution(
        module + "1", inputs: inputs, outputs: outputs, kernels: [1])
      try weights.claimBatchNorm(module + "2", channels: outputs)
      return .averagePool(convolution)
    }
    if !weights.hasModule(module + "0") {
      if inputs == outputs && stride == 1 { return .identity }
      if mayBeFree, outputs >= inputs, (outputs - inputs) % 2 == 0, !hasShortcutParameters {
        return .subsample
      }
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

  // MARK: Assumptions

  private func assumptions(_ description: ArchitectureDescription, isCaffe: Bool) -> [String] {
    var assumed: [String] = []
    if hints.stridePlacement == nil, description.hasStridedBottleneck {
      assumed.append(
        isCaffe
          ? "stride 2 sits on the first 1x1 convolution of a bottleneck (v1, as the SENet family has it)"
          : "stride 2 sits on the 3x3 convolution of a bottleneck (v1.5)")
    }
    if hints.batchNormEpsilon == nil { assumed.append("batch norm epsilon 1e-05") }
    if description.hasCIFARStem {
      assumed.append("the 3x3 stem has stride 1 and no max pool (CIFAR)")
    }
    if description.blocks.contains(where: { $0.shortcut == .subsample }) {
      assumed.append(
        "shortcuts without parameters: every second pixel, zero channels on both sides (option A)")
    }
    if case .maxCeil = description.stem.pool {
      assumed.append("3x3 max pool without padding, partial windows kept (as the SENet family has it)")
    }
    if description.blocks.contains(where: {
      if case .averagePool = $0.shortcut { $0.stride > 1 } else { false }
    }) {
      assumed.append("the shortcuts' 2x2 average pool keeps partial windows and counts no padding (resnet-D)")
    }
    return assumed
  }
}
