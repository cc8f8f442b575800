/// A graph that the verifier has accepted.
package struct VerifiedGraph: Hashable, Sendable {
  package let graph: Graph

  /// Verifies `graph`.
  ///
  /// - Throws: `IRError.unverified` with every fault.
  package init(_ graph: Graph) throws(IRError) {
    try Verifier.check(graph)
    self.graph = graph
  }
}
