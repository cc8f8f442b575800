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
    let window: Window
    let global: Op
    switch rewriter[node].op {
    case .averagePool(let pool):
      // A divisor that counts padding is not the mean of the map.
      guard pool.window.padding.isZero || !pool.countIncludePad else { return nil }
      (window, global) = (pool.window, .globalAveragePool(GlobalAveragePool()))
    case .maxPool(let pool): (window, global) = (pool.window, .globalMaxPool(GlobalMaxPool()))
    default: return nil
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
        switch rewriter[user].op {
        case .flatten: continue
        case .channelMultiply:
          guard rewriter[user].operands[0] != value else { return false }
        case .identity, .dropout, .relu, .sigmoid, .batchNorm, .scalarAffineClamp:
          pending.append(user)
        case .conv2d(let conv):
          let kernel = rewriter[rewriter[user].operands[1]].type.dims.dropFirst(2)
          let isPointwise = kernel.allSatisfy { $0 == 1 } && conv.padding.isZero
          guard isPointwise, !conv.hasResidual else { return false }
          pending.append(user)
        case .add, .maxPool, .averagePool, .globalAveragePool, .globalMaxPool, .linear, .stridedSlice,
          .channelPad, .softmax:
          return false
        }
      }
    }
    return true
  }
}
