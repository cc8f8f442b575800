/// How much a graph may hold: what a node, a value or an operand takes in memory is many times what it takes in a file,
/// so that a file's size alone bounds nothing.
///
/// A ResNet of 1,202 layers has 4,210 nodes and 7,220 constants as it is imported; these are more than five times as many.
public enum GraphLimits {
  /// What is counted.
  public enum Part: String, Hashable, Sendable {
    /// Operations.
    case nodes
    /// Inputs, constants and results.
    case values
    /// Operands of all nodes.
    case operands
    /// Named results of the graph.
    case outputs
  }

  /// Largest number of nodes.
  package static let maximumNodeCount = 21504
  /// Largest number of values: inputs, constants and results.
  package static let maximumValueCount = 131072
  /// Largest number of operands of all nodes.
  package static let maximumOperandCount = 262144
  /// Largest number of outputs.
  package static let maximumOutputCount = 1024

  /// Refuses `count` parts of a graph where they are too many.
  ///
  /// - Throws: `tooMany`.
  static func check(_ part: Part, _ count: Int) throws(IRError) {
    let maximum =
      switch part {
      case .nodes: maximumNodeCount
      case .values: maximumValueCount
      case .operands: maximumOperandCount
      case .outputs: maximumOutputCount
      }
    guard count <= maximum else { throw .tooMany(part, maximum: maximum) }
  }

  /// Refuses a graph with too many of any part.
  ///
  /// - Throws: `tooMany`.
  static func check(_ graph: Graph) throws(IRError) {
    try check(.nodes, graph.nodes.count)
    try check(.values, graph.values.count)
    try check(.outputs, graph.outputs.count)
    try check(.operands, graph.nodes.reduce(0) { $0 + $1.operands.count })
  }
}
