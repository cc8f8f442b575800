import FixresIR

/// Pools of a fixed kernel that cover their whole map, at the head of a network or in a gate: older exporters write
/// global pools like this.
enum WholeMapPool {
  /// Makes all such pools of a graph global; false once no further rewrite is permitted.
  static func makeGlobal(in context: inout PassContext) throws(PassError) -> Bool {
    for node in context.rewriter.nodeIDs {
      guard let global = globalForm(of: node, in: context.rewriter) else { continue }
      guard context.permitsRewrite() else { return false }
      let operands = context.rewriter[node].operands
      try context.edit { (rewriter) throws(IRError) in
        try rewriter.update(node, op: global, operands: operands)
      }
    }
    return true
  }

  /// The global form of the pool `node`; nil for any other node.
  ///
  /// A pool inside the trunk that happens to cover a small map (the 2x2 pool in a resnet-D shortcut at a test
  /// size of 32) stays as it is, since at other sizes it does not.
  static func globalForm(of node: NodeID, in rewriter: Rewriter) -> Op? {
    guard case .pool(let window, let reduction) = rewriter[node].op.computation else { return nil }
    let global: Op
    switch reduction {
    case .mean(let countsPadding):
      // A divisor that counts padding is not the mean of the map.
      guard window.padding.isZero || !countsPadding else { return nil }
      global = .globalAveragePool(GlobalAveragePool())
    case .maximum: global = .globalMaxPool(GlobalMaxPool())
    }
    guard covers(window, rewriter[rewriter[node].operands[0]].type.spatial),
      rewriter[rewriter[node].result].type.spatial == Extent(1, 1), endsInHeadOrGate(node, in: rewriter)
    else { return nil }
    return global
  }

  private static func covers(_ window: Window, _ map: Extent) -> Bool {
    window.kernel.height - window.padding.top >= map.height
      && window.kernel.width - window.padding.left >= map.width
  }

  /// Whether every path from `node` ends in a flatten or as the gate of a channel multiply, through layers that keep a
  /// single pixel a single pixel.
  private static func endsInHeadOrGate(_ node: NodeID, in rewriter: Rewriter) -> Bool {
    var pending = [node]
    var seen: Set<NodeID> = []
    while let current = pending.popLast() {
      let value = rewriter[current].result
      let users = rewriter.users(of: value)
      if users.isEmpty || rewriter.isOutput(value) { return false }
      for user in users where seen.insert(user).inserted {
        switch rewriter[user].op.computation {
        case .flatten: continue
        case .channelProduct:
          guard rewriter[user].operands[0] != value else { return false }
        case .copy, .elementwise, .batchNorm, .sum, .convolution, .linear, .pool, .globalPool, .stridedSlice,
          .channelPad, .softmax:
          guard rewriter.traits(of: user).contains(.keepsSinglePixel) else { return false }
          pending.append(user)
        }
      }
    }
    return true
  }
}
