import FixresIR

/// The nodes that the chosen output of a model depends on, and the input that they read; checks names and
/// order.
///
/// Before IR version 4 a model lists its weights among its inputs.
struct OnnxPlan {
  /// The only input that is not a weight and is read.
  let input: OnnxValueInfo
  /// The value that is compiled: the chosen output, or what stands before it.
  let output: String
  /// Indices of the nodes that the output depends on, in file order.
  let order: [Int]
  /// True where the first node that reads the input is a Transpose: the input is then [N, H, W, C].
  let startsWithTranspose: Bool
  /// Results that a convolution or pool depends on: a layer of rows among them belongs to a gate
  /// (squeeze-and-excitation).
  let leadingToMaps: Set<String>
  /// Results that no layer depends on.
  let trailing: Set<String>

  /// Creates the plan of `graph` for the value `output`; `known` holds the names of its initializers.
  ///
  /// - Throws: `FormatError.onnx`, for a name made twice, a cycle, a missing input, or not exactly one image
  ///   input.
  init(
    _ graph: OnnxGraph, output: String, known: Set<String>, path: String
  ) throws(FormatError) {
    var makers: [String: Int] = [:]
    for (index, node) in graph.nodes.enumerated() {
      for name in node.outputs where !name.isEmpty {
        guard makers.updateValue(index, forKey: name) == nil, !known.contains(name) else {
          throw Self.fault(
            path, node.place, expected: "an output of a name of its own",
            found: "a second \(name.debugDescription)")
        }
      }
    }
    // Before IR version 4 weights are listed among the inputs too; some writers also list results of nodes.
    var seen: Set<String> = []
    let pictures = graph.inputs.filter {
      !known.contains($0.name) && makers[$0.name] == nil && seen.insert($0.name).inserted
    }
    let sources = Sources(makers: makers, given: known.union(pictures.map(\.name)), path: path)
    self.output = output
    order = try Self.needed(output, graph, sources)
    let nodes = order.map { graph.nodes[$0] }
    var reading: Set<String> = []
    for node in nodes { reading.formUnion(node.inputs) }
    let read = pictures.filter { reading.contains($0.name) }
    guard read.count == 1 else {
      let found = read.prefix(8).map(\.name.debugDescription).joined(separator: ", ")
      throw Self.fault(
        path, .graph, expected: "one input that is no weight",
        found: read.isEmpty ? "none" : "\(read.count): \(found)")
    }
    let input = read[0]
    self.input = input
    startsWithTranspose = nodes.first { $0.inputs.contains(input.name) }?.op == "Transpose"
    (leadingToMaps, trailing) = Self.positions(nodes)
  }

  /// Where the values of a graph come from.
  private struct Sources {
    /// Index of the node that makes each result.
    let makers: [String: Int]
    /// Names of initializers and inputs.
    let given: Set<String>
    let path: String
  }

  private static func fault(
    _ path: String, _ place: OnnxFault.Place, expected: String, found: String
  ) -> FormatError {
    .onnx(path: path, OnnxFault(place, expected: expected, found: found))
  }

  /// Operators over feature maps; a layer that one of them depends on is not the classifier.
  private static let mapOperators: Set<String> = [
    "Conv", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "ReduceMean", "ReduceMax",
  ]
  /// Operators that compute more than a size, a view or a probability.
  private static let layerOperators = Set([
    "Gemm", "MatMul", "BatchNormalization", "Clip", "Add", "Sum", "Sub", "Mul", "Div", "Pad", "Slice",
    "LeakyRelu",
    "HardSigmoid", "Gelu", "Mish", "Pow", "Concat",
  ]).union(OnnxForm.elementwise.keys)

  /// Results of `nodes` that an operator over maps depends on, and those that no layer depends on.
  private static func positions(_ nodes: [OnnxNode]) -> (maps: Set<String>, trailing: Set<String>) {
    // Names that a later node over maps, or a later layer, depends on.
    var (maps, layers): (Set<String>, Set<String>) = ([], [])
    for node in nodes.reversed() {
      let isMap = mapOperators.contains(node.op)
      if isMap || node.outputs.contains(where: maps.contains) { maps.formUnion(node.inputs) }
      let leadsToLayer = node.outputs.contains(where: layers.contains)
      // A Sigmoid at the end gives probabilities, as a Softmax does.
      let isLayer = isMap || layerOperators.contains(node.op) && (leadsToLayer || node.op != "Sigmoid")
      if isLayer || leadsToLayer { layers.formUnion(node.inputs) }
    }
    return (maps, Set(nodes.flatMap(\.outputs)).subtracting(layers))
  }

  /// The nodes that `output` depends on, in file order, which must be a topological order.
  private static func needed(
    _ output: String, _ graph: OnnxGraph, _ sources: Sources
  ) throws(FormatError) -> [Int] {
    func fault(_ place: OnnxFault.Place, _ expected: String, _ found: String) -> FormatError {
      Self.fault(sources.path, place, expected: expected, found: found)
    }
    var isNeeded = [Bool](repeating: false, count: graph.nodes.count)
    guard let last = sources.makers[output] else {
      throw fault(.graph, "an output that a node makes", output.debugDescription)
    }
    isNeeded[last] = true
    var pending = [last]
    while let index = pending.popLast() {
      let node = graph.nodes[index]
      for name in node.inputs where !name.isEmpty && !sources.given.contains(name) {
        guard let maker = sources.makers[name] else {
          let found = graph.sparse.contains(name) ? "a sparse tensor" : "nothing that makes it"
          throw fault(node.place, "an input \(name.debugDescription)", found)
        }
        guard maker < index else {
          throw fault(
            node.place, "its input \(name.debugDescription) to be made before it",
            maker == index ? "itself" : "a later node: a cycle, or nodes out of order")
        }
        if !isNeeded[maker] {
          isNeeded[maker] = true
          pending.append(maker)
        }
      }
    }
    return isNeeded.indices.filter { isNeeded[$0] }
  }
}
