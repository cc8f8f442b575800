import FixresIR

// Facts of the residual stages.
extension FactResolution {
  mutating func settleStages() throws(ArchitectureError) {
    let count = network.stages.count
    let ones = StageDilations([Int](repeating: 1, count: count))
    let plain = inferred.usualStrides
    // Dilation in the place of a stride is the only use that these networks have for it.
    let dilated = Self.dilatedAlternatives(plain)
    guard
      case .dilations(let dilations) = settle(.dilations(ones), others: dilated.map(NetworkFact.dilations))
    else { return }
    try check(dilations.stages.count, of: .dilations)
    let strides = zip(plain, dilations.stages).map { $1 > 1 ? 1 : $0 }
    let alternatives = Self.stridedAlternatives(plain)
    guard
      case .strides(let settled) = settle(
        .strides(StageStrides(strides)), from: strides == plain ? .default : .family,
        others: alternatives.map { .strides(StageStrides($0)) })
    else { return }
    try check(settled.stages.count, of: .strides)
    var before = 1
    for stage in network.stages.indices {
      try apply(
        stride: settled.stages[stage], dilation: dilations.stages[stage],
        first: dilations.fillsFirstBlock ? dilations.stages[stage] : before, to: stage)
      before = dilations.stages[stage]
    }
  }

  private func check(_ count: Int, of name: NetworkFact.Name) throws(ArchitectureError) {
    guard count != network.stages.count, let statement = stated[name] else { return }
    throw contradiction(statement, found: "\(network.stages.count) stages")
  }

  /// The strides that files of these networks are known to have: the last stage's, or the last two stages', taken out.
  private static func stridedAlternatives(_ plain: [Int]) -> [[Int]] {
    var found: [[Int]] = []
    for taken in 1...2 where plain.count > taken {
      found.append(Array(plain.dropLast(taken)) + [Int](repeating: 1, count: taken))
    }
    if let first = plain.first, first == 1, plain.count > 1 { found.append([2] + plain.dropFirst()) }
    return found.filter { $0 != plain }
  }

  private static func dilatedAlternatives(_ plain: [Int]) -> [StageDilations] {
    let count = plain.count
    guard count > 1 else { return [] }
    let ones = [Int](repeating: 1, count: count)
    let last = Array(ones.dropLast()) + [2]
    let deep = Array(ones.dropLast(2)) + [2, 4]
    var found = [StageDilations(last)]
    if count > 2 { found.append(StageDilations(deep)) }
    found.append(StageDilations(last, fillsFirstBlock: true))
    if count > 2 { found.append(StageDilations(deep, fillsFirstBlock: true)) }
    return found
  }

  private mutating func apply(
    stride: Int, dilation: Int, first: Int, to stage: Int
  ) throws(ArchitectureError) {
    for index in network.stages[stage].indices {
      var block = network.stages[stage][index]
      block.dilation = dilation
      block.firstDilation = index == 0 ? first : dilation
      block.stride = index == 0 ? stride : 1
      if block.stride > 1, block.shortcut == .identity {
        guard inferred.isFree else {
          let found = "no \(block.name).downsample.0.weight, which a stride needs"
          guard let statement = stated[.strides] else { continue }
          throw contradiction(statement, found: found)
        }
        block.shortcut = .free(averages: false, zerosAtEnd: false)
      }
      network.stages[stage][index] = block
    }
  }

  // MARK: Blocks

  mutating func settleBlocks() throws(ArchitectureError) {
    let functions = ActivationFunction.usual.map { BlockActivation($0).settled(for: inferred.naming) }
    if case .activation(let stated) = settle(
      .activation(BlockActivation(.relu)), others: functions.map(NetworkFact.activation))
    {
      let settled = stated.settled(for: inferred.naming)
      network.activation = settled.function
      network.innerActivation = settled.inner ?? settled.function
      rewrite(.activation(settled))
    }
    settleStridePlacement()
    settleGate()
    try settleShortcut()
    let others = [AntiAliasing.blur3, .average2].map(NetworkFact.antiAlias)
    if case .antiAlias(let filter) = settle(.antiAlias(.none), others: others) {
      network.antiAliasing = filter
    }
  }

  private mutating func settleStridePlacement() {
    guard network.hasStridedBottleneck else {
      return pass(.strideOn, because: "no bottleneck has a stride")
    }
    let custom: StridePlacement = inferred.isCaffe ? .firstConvolution : .secondConvolution
    let others = StridePlacement.allCases.map(NetworkFact.strideOn)
    if case .strideOn(let placement) = settle(
      .strideOn(custom), from: inferred.isCaffe ? .family : .default, others: others)
    {
      network.stridePlacement = placement
    }
  }

  private mutating func settleGate() {
    guard network.blocks.contains(where: { $0.squeezeExcitation != nil }) else {
      return pass(.gate, because: "no block has channel attention")
    }
    let isLegacy = inferred.naming == .senet && network.blocks.allSatisfy { $0.kind == .basic }
    let custom: GateKind = isLegacy ? .sigmoidBehindRelu : .sigmoid
    if case .gate(let gate) = settle(
      .gate(custom), from: .family, others: GateKind.allCases.map(NetworkFact.gate))
    {
      network.gate = gate
    }
  }

  private mutating func settleShortcut() throws(ArchitectureError) {
    let shortcuts = network.blocks.map(\.shortcut).filter { $0 != .identity }
    guard !shortcuts.isEmpty else { return pass(.shortcut, because: "every shortcut is the input itself") }
    let averages = shortcuts.contains { if case .averagePool = $0 { true } else { false } }
    let isFree = shortcuts.contains { if case .free = $0 { true } else { false } }
    if averages { return try tell(.shortcut(.averaged), evidence: "convolutions at downsample.1") }
    let kinds = ShortcutKind.allCases.filter { $0.isFree == isFree }
    let settled = settle(
      .shortcut(kinds[0]), from: isFree ? .family : .weights, others: kinds.map(NetworkFact.shortcut))
    guard case .shortcut(let kind) = settled else { return }
    if kind.isFree != isFree, let statement = stated[.shortcut] {
      throw contradiction(statement, found: isFree ? "no weights in any shortcut" : "projections")
    }
    network.setShortcuts(kind)
  }
}

extension ArchitectureDescription {
  /// Gives every shortcut that changes the shape the form `kind`, which fits its weights.
  fileprivate mutating func setShortcuts(_ kind: ShortcutKind) {
    for stage in stages.indices {
      for index in stages[stage].indices {
        switch (stages[stage][index].shortcut, kind) {
        case (.convolution(let convolution), .averaged):
          stages[stage][index].shortcut = .averagePool(convolution, module: 0)
        case (.free, _):
          stages[stage][index].shortcut = .free(
            averages: kind == .averagedZerosBoth || kind == .averagedZerosEnd,
            zerosAtEnd: kind == .zerosEnd || kind == .averagedZerosEnd)
        default: break
        }
      }
    }
  }
}

extension InferredArchitecture {
  /// True for the SE-ResNets of the SENet family, which put the stride into the first 1x1 convolution; the grouped ones
  /// do not.
  var isCaffe: Bool {
    naming == .senet
      && description.blocks.allSatisfy { $0.kind == .bottleneck && $0.convolutions[1].groups == 1 }
  }

  /// 2 from the second stage on, and 1 or 2 where shortcuts tell: libraries give a block a projection where it changes
  /// the channels or the size, and to no other.
  var usualStrides: [Int] {
    description.stages.enumerated().map { stage, blocks in
      guard let first = blocks.first else { return 1 }
      switch first.shortcut {
      case .identity: return stage > 0 && isFree ? 2 : 1
      case .convolution, .averagePool: return stage > 0 || first.inputs == first.outputs ? 2 : 1
      case .free: return stage > 0 ? 2 : 1
      }
    }
  }
}
