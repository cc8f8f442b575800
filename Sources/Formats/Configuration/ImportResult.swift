import FixresIR

/// An imported model, and what was found and assumed.
package struct ImportResult: Sendable {
  /// The model, unfused unless it comes from a `.bin` that holds another one.
  package var model: Model
  /// The network's name.
  package var architecture: String
  /// Facts that neither file nor options state, a sentence each.
  package var assumed: [String]
  /// The dictionary and the prefix of names that hold the tensors; nil where the file holds them directly.
  package var wrapper: String?
  /// Number of trained parameters, without running statistics.
  package var parameters: Int
  /// Names of tensors and entries that the network does not use.
  package var ignored: [String]
  /// Non-fatal findings, a sentence each.
  package var notes: [String]

  /// The number of elements of all constants except running statistics.
  static func parameterCount(of graph: Graph) -> Int {
    graph.constants.reduce(0) { total, constant in
      let value = graph[constant]
      let isStatistic = value.name.hasSuffix(".running_mean") || value.name.hasSuffix(".running_var")
      return total + (isStatistic ? 0 : value.type.elementCount)
    }
  }
}
