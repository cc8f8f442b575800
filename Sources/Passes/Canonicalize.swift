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
    let nonNegative = Self.nonNegativeValues(of: context.rewriter)
    for node in context.rewriter.nodeIDs {
      let traits = context.rewriter.traits(of: node)
      let changesNothing =
        traits.contains(.isIdentity)
        || traits.contains(.keepsNonNegative) && nonNegative.contains(context.rewriter[node].operands[0])
      guard changesNothing else { continue }
      guard context.permitsRewrite() else { return }
      context.rewriter.bypass(node)
    }
    _ = try WholeMapPool.makeGlobal(in: &context)
  }

  /// The values that hold nothing below zero, seen through what only moves, averages or chooses values. A node that
  /// changes nothing gives way to its operand, which is then among them too.
  private static func nonNegativeValues(of rewriter: Rewriter) -> Set<ValueID> {
    var found: Set<ValueID> = []
    for node in rewriter.nodeIDs {
      let traits = rewriter.traits(of: node)
      if traits.contains(.isNonNegative)
        || traits.contains(.keepsSign) && found.contains(rewriter[node].operands[0])
      {
        found.insert(rewriter[node].result)
      }
    }
    return found
  }
}
