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
  /// Assumed facts of the network with other values that would leave the same file; none for a program or a `.bin`.
  package var openFacts: [OpenFact] = []
  /// Makes the model of other facts, at another size where one is given; nil for a program or a `.bin`.
  var rebuild: (@Sendable ([NetworkFact], Extent?) throws(FormatError) -> ImportResult)?

  /// The same checkpoint where a reference states `facts`: weights are neither read again nor copied.
  ///
  /// - Parameter size: Height and width of the input; nil for the size of training.
  /// - Throws: `FormatError.architecture` where the facts contradict the weights, `.model` where a layer does not fit.
  package func rebuilt(
    stating facts: [NetworkFact], at size: Extent? = nil
  ) throws(FormatError) -> ImportResult {
    guard let rebuild else { return self }
    return try rebuild(facts, size)
  }

  /// The number of elements of all constants except running statistics.
  static func parameterCount(of graph: Graph, without derived: Set<String> = []) -> Int {
    graph.constants.reduce(0) { total, constant in
      let value = graph[constant]
      if derived.contains(value.name) { return total }
      let isStatistic = value.name.hasSuffix(".running_mean") || value.name.hasSuffix(".running_var")
      return total + (isStatistic ? 0 : value.type.elementCount)
    }
  }
}
