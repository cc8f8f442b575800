import FixresBase
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
  package private(set) var notes: [PassNote] = []
  private var noted: Set<PassNote> = []
  /// Number of rewrites done by the running pass.
  package private(set) var rewriteCount = 0
  /// Number of rewrites still permitted; nil for no limit.
  package private(set) var remainingRewrites: Int?
  /// Bytes by which copies of constants that several nodes read may still grow the network.
  private var remainingGrowth: Int
  let passName: String

  /// Bytes of such copies that a pass may make beyond what the constants themselves hold: a file of a few kilobytes
  /// may name one constant in thousands of layers.
  static let freeGrowth = 32 << 20

  package init(_ network: PassNetwork, passName: String, remainingRewrites: Int? = nil) {
    rewriter = Rewriter(network.graph)
    constants = network.constants
    metadata = network.metadata
    remainingGrowth = Self.freeGrowth.addingSaturated(constants.byteCount)
    self.passName = passName
    self.remainingRewrites = remainingRewrites
  }

  /// Whether `node` may get the constants `values`, and `more` bytes, for itself: those that other nodes read too are
  /// copied, for which there must be room. Counts what is granted.
  package mutating func permitsOwning(_ values: [ValueID], of node: NodeID, more: Int = 0) -> Bool {
    var growth = more
    for value in values where !rewriter.isOwn(value, of: node) {
      growth = growth.addingSaturated(rewriter[value].type.byteCount)
    }
    guard growth <= remainingGrowth else { return false }
    remainingGrowth -= growth
    return true
  }

  /// Removes the constants among `values` that no node reads any more, with their data.
  package mutating func eraseUnread(_ values: some Sequence<ValueID>) {
    for value in Set(values) where rewriter.isConstant(value) {
      guard rewriter.useCount(of: value) == 0, !rewriter.isOutput(value) else { continue }
      constants[rewriter[value].name] = nil
      remainingGrowth = remainingGrowth.addingSaturated(rewriter[value].type.byteCount)
      rewriter.erase(constant: value)
    }
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
    if noted.insert(note).inserted { notes.append(note) }
  }
}
