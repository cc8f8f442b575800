import FixresIR

/// A rewrite of the graph; the driver adds verification, dumps, timing and bisection.
package protocol Pass: Sendable {
  /// Name in `--passes` and the history, such as `fold-batch-norm`.
  var name: String { get }
  /// What it does, in one line of the help text.
  var summary: String { get }
  /// Parameters of this pass for the history; `graph` is the graph before it ran.
  func parameters(before graph: Graph) -> [HistoryEntry.Parameter]
  /// Rewrites the network in `context`; asks `permitsRewrite` before each rewrite.
  func run(_ context: inout PassContext) throws(PassError)
}

extension Pass {
  package func parameters(before graph: Graph) -> [HistoryEntry.Parameter] { [] }
}
