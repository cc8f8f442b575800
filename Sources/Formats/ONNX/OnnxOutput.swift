import FixresIR

/// An output of an ONNX graph that may be compiled, and the value behind it that is.
struct OnnxOutput {
  /// The output's name.
  let name: String
  /// The value that is compiled: the output itself, or what is chosen from.
  let value: String
  /// Operators that choose classes or cut scores, from the output on.
  let passedOver: [String]

  /// Limit on the outputs that are considered.
  private static let maximumCount = 16

  /// The outputs of `graph` in the order in which they are tried: `stated` or one called `logits` alone, else those that
  /// depend on most nodes first, since features are computed before the classifier and logits before their Softmax.
  ///
  /// - Throws: `FormatError` for a stated name that no output has, and for a graph without outputs.
  static func candidates(
    _ graph: OnnxGraph, stated: String?, path: String
  ) throws(FormatError) -> [OnnxOutput] {
    var makers: [String: Int] = [:]
    for (index, node) in graph.nodes.enumerated() {
      for name in node.outputs where !name.isEmpty { makers[name] = index }
    }
    let constants = Set(graph.initializers.map(\.name))
    let names = graph.outputs.map(\.name)
    if let stated {
      guard names.contains(stated) else {
        throw .architecture(
          path: path,
          .invalidOption(
            name: "--graph-output",
            expected: "an output of the graph: " + names.prefix(maximumCount).joined(separator: ", "),
            found: stated))
      }
      return [OnnxOutput(stated, graph, makers, constants: constants)]
    }
    guard !names.isEmpty else {
      throw .onnx(path: path, OnnxFault(.graph, expected: "an output", found: "none"))
    }
    if names.contains(GraphOutput.logits) {
      return [OnnxOutput(GraphOutput.logits, graph, makers, constants: constants)]
    }
    return names.prefix(maximumCount).enumerated().map {
      entry -> (output: OnnxOutput, depth: Int, index: Int) in
      let output = OnnxOutput(entry.element, graph, makers, constants: constants)
      return (output, nodeCount(output.value, graph, makers), entry.offset)
    }
    .sorted { ($1.depth, $0.index) < ($0.depth, $1.index) }
    .map(\.output)
  }

  /// The output `name`, with what chooses from its scores passed over: ArgMax, TopK, the largest probability, a threshold,
  /// and the look-ups and views behind them.
  private init(_ name: String, _ graph: OnnxGraph, _ makers: [String: Int], constants: Set<String>) {
    self.name = name
    var (value, passed): (String, [String]) = (name, [])
    var found: (value: String, passed: [String]) = (name, [])
    // The largest of what is no probability may be a pool.
    var isLargest = false
    walk: for _ in 0..<Self.maximumCount {
      guard let maker = makers[value], let first = graph.nodes[maker].input(0) else { break }
      let node = graph.nodes[maker]
      switch node.op {
      case "ArgMax", "TopK", "Greater", "GreaterOrEqual", "Less", "LessOrEqual":
        passed.append(node.op)
        (value, found) = (first, (first, passed))
      case "ReduceMax":
        passed.append(node.op)
        (value, isLargest) = (first, true)
      case "Softmax", "LogSoftmax", "Sigmoid":
        if isLargest { found = (value, passed) }
        break walk
      case "Gather":
        let isLookUp = constants.contains(first) || makers[first].map { graph.nodes[$0].op } == "Constant"
        guard let next = isLookUp ? node.input(1) : first else { break walk }
        passed.append(node.op)
        value = next
      case "Cast", "Squeeze", "Unsqueeze", "Identity", "Reshape", "Flatten": value = first
      default: break walk
      }
    }
    (self.value, passedOver) = found
  }

  /// Number of nodes that `value` depends on.
  private static func nodeCount(_ value: String, _ graph: OnnxGraph, _ makers: [String: Int]) -> Int {
    var seen: Set<Int> = []
    var pending = [value]
    while let name = pending.popLast() {
      guard let maker = makers[name], seen.insert(maker).inserted else { continue }
      pending += graph.nodes[maker].inputs
    }
    return seen.count
  }
}
