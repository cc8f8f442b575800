import FixresIR

/// One rewriting idea, as a value; the driver gives it verification, dumps, timing and bisection.
package protocol Pass: Sendable {
  /// The name that `--passes` and the history use, as `fold-batch-norm`.
  var name: String { get }
  /// What it does, in one line.
  var summary: String { get }
  /// What the history keeps of this pass's settings, given the graph before it ran.
  func parameters(before graph: Graph) -> [HistoryEntry.Parameter]
  /// Rewrites the network in `context`; asks `permitsRewrite` before each rewrite.
  func run(_ context: inout PassContext) throws(PassError)
}

extension Pass {
  package func parameters(before graph: Graph) -> [HistoryEntry.Parameter] { [] }
}
