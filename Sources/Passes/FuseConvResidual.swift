import FixresIR

/// The sum at the end of a residual block becomes a residual operand of a convolution, a ReLU behind it that
/// convolution's activation.
///
/// Where both summands are convolutions (a block with a projection shortcut), the one with the longer way from
/// the input takes the other as its residual: the main branch; at equal length the one that runs later. It then
/// runs in the place of the sum, where its residual is known.
package struct FuseConvResidual: Pass {
  package let name = "fuse-conv-residual"
  package let summary = "add a block's shortcut, and apply the ReLU behind, where its last convolution writes"

  package init() {}

  package func run(_ context: inout PassContext) throws(PassError) {
    var depths = Depths(context.rewriter)
    for node in context.rewriter.nodeIDs {
      guard case .add = context.rewriter[node].op else { continue }
      let operands = context.rewriter[node].operands
      let candidates = [0, 1].compactMap { place in
        eligible(operands[place], in: context.rewriter).map { (place: place, node: $0) }
      }
      guard
        let chosen = candidates.max(by: {
          depths.isLess(operands[$0.place], operands[$1.place])
        })
      else { continue }
      guard context.permitsRewrite() else { return }
      try fuse(node, into: chosen.node, residual: operands[1 - chosen.place], &context)
      depths.inherit(context.rewriter[chosen.node].result, from: context.rewriter[node].result)
    }
  }

  /// The convolution that alone makes `value` for one reader and that has neither residual nor activation yet.
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

/// Nodes on the longest way from the graph's input to each value, and the order in which values were made.
private struct Depths {
  private var depth: [ValueID: Int] = [:]
  private var place: [ValueID: Int] = [:]

  init(_ rewriter: Rewriter) {
    for (index, node) in rewriter.nodeIDs.enumerated() {
      let deepest = rewriter[node].operands.map { depth[$0] ?? 0 }.max() ?? 0
      depth[rewriter[node].result] = deepest + 1
      place[rewriter[node].result] = index
    }
  }

  /// Lets `survivor` stand where `replaced` stood.
  mutating func inherit(_ survivor: ValueID, from replaced: ValueID) {
    depth[survivor] = depth[replaced]
    place[survivor] = place[replaced]
  }

  func isLess(_ a: ValueID, _ b: ValueID) -> Bool {
    (depth[a] ?? 0, place[a] ?? 0) < (depth[b] ?? 0, place[b] ?? 0)
  }
}
