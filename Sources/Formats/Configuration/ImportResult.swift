import FixresIR

/// A network, and what was found and assumed on the way to it.
package struct ImportResult: Sendable {
  package var model: Model
  package var architecture: String
  /// What the weights could not say, a sentence each.
  package var assumed: [String]
  /// The dictionary and prefix that were taken; nil where the file holds the tensors directly.
  package var wrapper: String?
  /// Trained parameters; running statistics are not counted.
  package var parameters: Int
  /// Names of the file that the network has no use for.
  package var ignored: [String]
  package var notes: [String]

  /// Elements of all constants but running statistics.
  static func parameterCount(of graph: Graph) -> Int {
    graph.constants.reduce(0) { total, constant in
      let value = graph[constant]
      let isStatistic = value.name.hasSuffix(".running_mean") || value.name.hasSuffix(".running_var")
      return total + (isStatistic ? 0 : value.type.elementCount)
    }
  }
}
