import FixresIR

/// A network of which every fact is settled.
package struct ResolvedNetwork: Sendable {
  /// The network.
  package var description: ArchitectureDescription
  /// Its facts with their sources, in the order of `NetworkFact.Name`.
  package var facts: [Fact]
  /// The assumed ones among them, with the values that would leave the same file.
  package var openFacts: [OpenFact]
  /// Non-fatal findings, a sentence each.
  package var notes: [String]
}
