import FixresIR

/// A network between two passes, which nothing has verified yet.
package struct PassNetwork: Sendable {
  package var graph: Graph
  package var constants: Constants
  package var metadata: ModelMetadata

  package init(graph: Graph, constants: Constants, metadata: ModelMetadata) {
    self.graph = graph
    self.constants = constants
    self.metadata = metadata
  }

  /// The network of a model.
  package init(_ model: Model) {
    self.init(graph: model.graph, constants: model.constants, metadata: model.metadata)
  }
}

/// What a pass may read and change.
package struct PassContext {
  package var rewriter: Rewriter
  package var constants: Constants
  package var metadata: ModelMetadata
  package var notes: [PassNote] = []
  /// Number of rewrites done by the running pass.
  package private(set) var rewriteCount = 0
  /// Number of rewrites still permitted; nil for no limit.
  package private(set) var remainingRewrites: Int?
  let passName: String

  package init(_ network: PassNetwork, passName: String, remainingRewrites: Int? = nil) {
    rewriter = Rewriter(network.graph)
    constants = network.constants
    metadata = network.metadata
    self.passName = passName
    self.remainingRewrites = remainingRewrites
  }

  /// Counts a rewrite; false, without counting, once `--stop-after-rewrites` is reached.
  package mutating func permitsRewrite() -> Bool {
    if let remaining = remainingRewrites {
      guard remaining > 0 else { return false }
      remainingRewrites = remaining - 1
    }
    rewriteCount += 1
    return true
  }

  /// Edits the graph.
  ///
  /// - Throws: `broken` with the name of the pass where the rewriter refuses the edit.
  package mutating func edit<R>(_ body: (inout Rewriter) throws(IRError) -> R) throws(PassError) -> R {
    do {
      return try body(&rewriter)
    } catch {
      throw .broken(pass: passName, error)
    }
  }

  /// The data of the constant `value`; nil for anything else.
  package func tensor(of value: ValueID) -> Tensor? {
    rewriter.isConstant(value) ? constants[rewriter[value].name] : nil
  }

  package mutating func note(_ note: PassNote) {
    if !notes.contains(note) { notes.append(note) }
  }
}
