import FixresIR

/// Pools of a fixed kernel that cover their whole map, at the head of a network or in a gate: older exporters write
/// global pools like this.
struct WholeMapPool {
  private let rewriter: Rewriter
  /// Pools that cover their map and whose results are read as those of a global pool.
  private(set) var pools: Set<NodeID> = []

  /// Rounds in which pools that stand beside others are decided; a head takes two.
  private static let maximumRounds = 8

  /// The pools of `rewriter`'s graph.
  init(in rewriter: Rewriter) {
    self.rewriter = rewriter
    pools = Set(rewriter.nodeIDs.filter { Self.globalForm(of: $0, in: rewriter) != nil })
    // Two pools that are added to each other are global together or not at all.
    for _ in 0..<Self.maximumRounds {
      let heads = resultsOfHeads()
      let wrong = pools.filter { !heads.contains(rewriter[$0].result) }
      guard !wrong.isEmpty else { return }
      pools.subtract(wrong)
    }
    pools = []
  }

  /// Makes all such pools of a graph global; false once no further rewrite is permitted.
  static func makeGlobal(in context: inout PassContext) throws(PassError) -> Bool {
    let pools = WholeMapPool(in: context.rewriter).pools
    for node in context.rewriter.nodeIDs where pools.contains(node) {
      guard let global = globalForm(of: node, in: context.rewriter) else { continue }
      guard context.permitsRewrite() else { return false }
      let operands = context.rewriter[node].operands
      try context.edit { (rewriter) throws(IRError) in
        try rewriter.update(node, op: global, operands: operands)
      }
    }
    return true
  }

  /// Largest kernel that pools inside a trunk have, whose map may be as small: in ResNet-D's shortcut, in a stem.
  private static let largestTrunkKernel = 3

  /// Pools that cover their whole map, are too large for a trunk and do not end as a global pool does: what they mean at
  /// another size is unknown.
  static func unknown(in rewriter: Rewriter) -> [NodeID] {
    rewriter.nodeIDs.filter { node in
      guard case .pool(let window, _) = rewriter[node].op.computation,
        max(window.kernel.height, window.kernel.width) > largestTrunkKernel
      else { return false }
      let map = rewriter[rewriter[node].operands[0]].type.spatial
      return PooledHead.covers(window, map) && rewriter[rewriter[node].result].type.spatial == Extent(1, 1)
    }
  }

  /// The global form of the pool `node`, where it covers its map; nil for any other node.
  private static func globalForm(of node: NodeID, in rewriter: Rewriter) -> Op? {
    guard case .pool(let window, let reduction) = rewriter[node].op.computation else { return nil }
    let global: Op
    switch reduction {
    case .mean(let countsPadding):
      // A divisor that counts padding is not the mean of the map.
      guard window.padding.isZero || !countsPadding else { return nil }
      global = .globalAveragePool(GlobalAveragePool())
    case .maximum: global = .globalMaxPool(GlobalMaxPool())
    }
    guard PooledHead.covers(window, rewriter[rewriter[node].operands[0]].type.spatial),
      rewriter[rewriter[node].result].type.spatial == Extent(1, 1)
    else { return nil }
    return global
  }

  /// The values of one pixel from which every path ends in a flatten or as the gate of a channel multiply, through
  /// layers that keep a single pixel a single pixel and beside nothing but what has been pooled too.
  ///
  /// A pool inside the trunk that happens to cover a small map (the 2x2 pool in a resnet-D shortcut at a test
  /// size of 32) is added to what a convolution has made of that map, and stays as it is.
  private func resultsOfHeads() -> Set<ValueID> {
    let pooled = pooledValues()
    var heads: Set<ValueID> = []
    for node in rewriter.nodeIDs.reversed() {
      let value = rewriter[node].result
      let users = rewriter.users(of: value)
      guard !users.isEmpty, !rewriter.isOutput(value) else { continue }
      let isHead = users.allSatisfy { user in
        let operands = rewriter[user].operands
        switch rewriter[user].op.computation {
        case .flatten: return true
        case .channelProduct: return operands[0] != value
        case .sum, .product, .concat:
          return operands.allSatisfy(pooled.contains) && heads.contains(rewriter[user].result)
        case .copy, .elementwise, .batchNorm, .convolution, .linear, .pool, .globalPool, .generalizedMean,
          .stridedSlice, .channelPad, .reflectPad, .softmax:
          return rewriter.traits(of: user).contains(.keepsSinglePixel)
            && heads.contains(rewriter[user].result)
        }
      }
      if isHead { heads.insert(value) }
    }
    return heads
  }

  /// The values that are one pixel at every size, as a global pool, or a pool that becomes one, has made them.
  private func pooledValues() -> Set<ValueID> {
    var pooled: Set<ValueID> = []
    for node in rewriter.nodeIDs {
      let operands = rewriter[node].operands
      let isPooled: Bool
      switch rewriter[node].op.computation {
      case .globalPool, .generalizedMean: isPooled = true
      case .pool where pools.contains(node): isPooled = true
      case .sum, .product, .concat: isPooled = operands.allSatisfy(pooled.contains)
      case .channelProduct: isPooled = pooled.contains(operands[0])
      case .copy, .elementwise, .batchNorm, .convolution, .linear, .pool, .flatten, .stridedSlice,
        .channelPad,
        .reflectPad, .softmax:
        isPooled = pooled.contains(operands[0]) && rewriter.traits(of: node).contains(.keepsSinglePixel)
      }
      if isPooled { pooled.insert(rewriter[node].result) }
    }
    return pooled
  }
}
