import FixresIR

/// Takes out nodes whose results nothing reads, last first, then constants that nothing reads.
package struct EliminateDeadNodes: Pass {
  package let name = "eliminate-dead-nodes"
  package let summary = "remove nodes and constants that no output depends on"

  package init() {}

  package func run(_ context: inout PassContext) throws(PassError) {
    for node in context.rewriter.nodeIDs.reversed() {
      let result = context.rewriter[node].result
      guard context.rewriter.users(of: result).isEmpty, !context.rewriter.isOutput(result) else { continue }
      guard context.permitsRewrite() else { return }
      context.rewriter.erase(node)
    }
    let read = Set(context.rewriter.nodeIDs.flatMap { context.rewriter[$0].operands })
    for constant in context.rewriter.constants
    where !read.contains(constant) && !context.rewriter.isOutput(constant) {
      guard context.permitsRewrite() else { return }
      context.constants[context.rewriter[constant].name] = nil
      context.rewriter.erase(constant: constant)
    }
  }
}
