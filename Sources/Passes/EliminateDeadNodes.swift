import FixresIR

/// Removes nodes whose results are unused, last first, then unused constants.
package struct EliminateDeadNodes: Pass {
  package let name = "eliminate-dead-nodes"
  package let summary = "remove nodes and constants that no output depends on"

  package init() {}

  package func run(_ context: inout PassContext) throws(PassError) {
    guard context.eraseUnreadNodes() else { return }
    let read = Set(context.rewriter.nodeIDs.flatMap { context.rewriter[$0].operands })
    for constant in context.rewriter.constants
    where !read.contains(constant) && !context.rewriter.isOutput(constant) {
      guard context.permitsRewrite() else { return }
      context.constants[context.rewriter[constant].name] = nil
      context.rewriter.erase(constant: constant)
    }
  }
}

extension PassContext {
  /// Removes nodes whose results are unused, last first; false once no further rewrite is permitted.
  mutating func eraseUnreadNodes() -> Bool {
    for node in rewriter.nodeIDs.reversed() {
      let result = rewriter[node].result
      guard rewriter.useCount(of: result) == 0, !rewriter.isOutput(result) else { continue }
      guard permitsRewrite() else { return false }
      rewriter.erase(node)
    }
    return true
  }
}
