import FixresIR

/// Makes the sum at the end of a residual block a residual operand of a convolution, and a ReLU after it that
/// convolution's activation.
///
/// Where both summands are convolutions (a block with a projection shortcut), the one with the longer path from the
/// input, the main branch, takes the other as its residual; of equal paths the one that runs later. It is moved to the
/// position of the sum, where its residual has been computed.
package struct FuseConvResidual: Pass {
  package let name = "fuse-conv-residual"
  package let summary = "add a block's shortcut, and apply the ReLU behind, where its last convolution writes"

  package init() {}

  package func run(_ context: inout PassContext) throws(PassError) {
    var depths = Depths(context.rewriter)
    for node in context.rewriter.nodeIDs {
      guard case .add = context.rewriter[node].op else { continue }
      let operands = context.rewriter[node].operands
      let candidates = [0, 1].compactMap { operand in
        eligible(operands[operand], in: context.rewriter).map { (operand: operand, node: $0) }
      }
      guard
        let chosen = candidates.max(by: {
          depths.isLess(operands[$0.operand], operands[$1.operand])
        })
      else { continue }
      guard context.permitsRewrite() else { return }
      try fuse(node, into: chosen.node, residual: operands[1 - chosen.operand], &context)
      depths.inherit(context.rewriter[chosen.node].result, from: context.rewriter[node].result)
    }
  }

  /// The convolution that computes `value` for a single reader, if it has neither residual nor activation.
  private func eligible(_ value: ValueID, in rewriter: Rewriter) -> NodeID? {
    guard let (node, conv) = rewriter.convolution(givingOnly: value), !conv.hasResidual,
      conv.activation == .none
    else { return nil }
    return node
  }

  private func fuse(
    _ add: NodeID, into node: NodeID, residual: ValueID, _ context: inout PassContext
  ) throws(PassError) {
    guard case .conv2d(var conv) = context.rewriter[node].op else { return }
    conv.hasResidual = true
    var relu: NodeID?
    if let user = context.rewriter.soleUser(of: context.rewriter[add].result),
      case .relu = context.rewriter[user].op
    {
      conv.activation = .relu
      relu = user
    }
    let operands = context.rewriter[node].operands + [residual]
    try context.edit { (rewriter) throws(IRError) in
      rewriter.move(node, before: add)
      try rewriter.update(node, op: .conv2d(conv), operands: operands)
      try rewriter.absorb(add, into: node)
      if let relu { try rewriter.absorb(relu, into: node) }
    }
  }
}

/// For each value, the number of nodes on the longest path from the graph's input, and its position in execution order.
private struct Depths {
  private var depth: [ValueID: Int] = [:]
  private var position: [ValueID: Int] = [:]

  init(_ rewriter: Rewriter) {
    for (index, node) in rewriter.nodeIDs.enumerated() {
      let deepest = rewriter[node].operands.map { depth[$0] ?? 0 }.max() ?? 0
      depth[rewriter[node].result] = deepest + 1
      position[rewriter[node].result] = index
    }
  }

  /// Gives `survivor` the depth and position of `replaced`.
  mutating func inherit(_ survivor: ValueID, from replaced: ValueID) {
    depth[survivor] = depth[replaced]
    position[survivor] = position[replaced]
  }

  func isLess(_ a: ValueID, _ b: ValueID) -> Bool {
    (depth[a] ?? 0, position[a] ?? 0) < (depth[b] ?? 0, position[b] ?? 0)
  }
}
