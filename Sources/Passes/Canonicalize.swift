import FixresIR

/// Removes nodes that change nothing and gives each computation one form.
///
/// Unread nodes are removed first: a dead reader of a convolution would keep its batch norm from being folded. Only
/// rewrites that hold at every resolution are done: the global pool of a map of one pixel stays, since the model may be
/// adapted to another size later.
package struct Canonicalize: Pass {
  package let name = "canonicalize"
  package let summary =
    "remove identity, dropout and other nodes that change nothing; make whole-map pools global"

  package init() {}

  package func run(_ context: inout PassContext) throws(PassError) {
    guard context.eraseUnreadNodes() else { return }
    for node in context.rewriter.nodeIDs where changesNothing(node, in: context.rewriter) {
      guard context.permitsRewrite() else { return }
      context.rewriter.bypass(node)
    }
    _ = try WholeMapPool.makeGlobal(in: &context)
  }

  private func changesNothing(_ node: NodeID, in rewriter: Rewriter) -> Bool {
    let traits = rewriter.traits(of: node)
    return traits.contains(.isIdentity)
      || traits.contains(.keepsNonNegative) && isNeverNegative(rewriter[node].operands[0], in: rewriter)
  }

  /// Whether `value` holds nothing below zero, seen through what only moves, averages or chooses values.
  private func isNeverNegative(_ value: ValueID, in rewriter: Rewriter) -> Bool {
    var value = value
    while let producer = rewriter.producer(of: value) {
      let traits = rewriter.traits(of: producer)
      if traits.contains(.isNonNegative) { return true }
      guard traits.contains(.keepsSign) else { return false }
      value = rewriter[producer].operands[0]
    }
    return false
  }
}
