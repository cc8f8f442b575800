import FixresIR

/// Which nodes of a model its first output needs, and which input they read; checks names and order.
struct OnnxPlan {
  let input: OnnxValueInfo
  let output: String
  /// Places of the nodes that the output needs, in file order.
  let order: [Int]
  /// Whether the first node that reads the input is a Transpose.
  let startsWithTranspose: Bool
  /// Results that lead to a convolution or a pool: a layer of rows that makes one is a gate's.
  let leadingToMaps: Set<String>
  /// Results behind which no layer comes.
  let trailing: Set<String>

  init(_ graph: OnnxGraph, known: Set<String>, path: String) throws(FormatError) {
    func fault(_ place: OnnxFault.Place, _ expected: String, _ found: String) -> FormatError {
      .onnx(path: path, OnnxFault(place, expected: expected, found: found))
    }
    var makers: [String: Int] = [:]
    for (index, node) in graph.nodes.enumerated() {
      for name in node.outputs where !name.isEmpty {
        guard makers.updateValue(index, forKey: name) == nil, !known.contains(name) else {
          throw fault(node.place, "an output of a name of its own", "a second \(name.debugDescription)")
        }
      }
    }
    // Before IR 4 weights are listed among the inputs too; some writers list what a node makes as well.
    var seen: Set<String> = []
    let pictures = graph.inputs.filter {
      !known.contains($0.name) && makers[$0.name] == nil && seen.insert($0.name).inserted
    }
    (output, order) = try Self.chosen(graph, makers, known.union(pictures.map(\.name)), fault)
    let nodes = order.map { graph.nodes[$0] }
    var reading: Set<String> = []
    for node in nodes { reading.formUnion(node.inputs) }
    let read = pictures.filter { reading.contains($0.name) }
    guard read.count == 1 else {
      let found = read.prefix(8).map(\.name.debugDescription).joined(separator: ", ")
      throw fault(.graph, "one input that is no weight", read.isEmpty ? "none" : "\(read.count): \(found)")
    }
    let input = read[0]
    self.input = input
    startsWithTranspose = nodes.first { $0.inputs.contains(input.name) }?.op == "Transpose"
    (leadingToMaps, trailing) = Self.positions(nodes)
  }

  /// Outputs that are looked at, of which one is taken.
  private static let maximumOutputCount = 16

  /// The output called logits, or else the one that most nodes work for: features come before their classifier,
  /// logits before their Softmax.
  private static func chosen(
    _ graph: OnnxGraph, _ makers: [String: Int], _ given: Set<String>,
    _ fault: (OnnxFault.Place, String, String) -> FormatError
  ) throws(FormatError) -> (name: String, order: [Int]) {
    let named = graph.outputs.first { $0.name == GraphOutput.logits }.map { [$0] }
    var best: (name: String, order: [Int])?
    var failure: FormatError?
    for output in named ?? Array(graph.outputs.prefix(maximumOutputCount)) {
      do {
        let order = try needed(output.name, graph, makers, given, fault)
        if order.count > best?.order.count ?? 0 { best = (output.name, order) }
      } catch {
        failure = failure ?? error
      }
    }
    guard let best else { throw failure ?? fault(.graph, "an output", "none") }
    return best
  }

  /// Operators of a network's trunk and of its pools, behind which a layer is no classifier.
  private static let mapOperators: Set<String> = [
    "Conv", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "ReduceMean", "ReduceMax",
  ]
  /// Operators that compute anything but a size, a view or a probability.
  private static let layerOperators: Set<String> = [
    "Gemm", "MatMul", "BatchNormalization", "Relu", "Clip", "Sigmoid", "Add", "Sum", "Sub", "Mul", "Div",
    "Pad",
    "Slice",
  ]

  /// Results of `nodes` from which a way leads to an operator over maps, and those behind which no layer comes.
  private static func positions(_ nodes: [OnnxNode]) -> (maps: Set<String>, trailing: Set<String>) {
    // Names that some later node over maps, or some later layer, depends on.
    var (maps, layers): (Set<String>, Set<String>) = ([], [])
    for node in nodes.reversed() {
      let isMap = mapOperators.contains(node.op)
      if isMap || node.outputs.contains(where: maps.contains) { maps.formUnion(node.inputs) }
      if isMap || layerOperators.contains(node.op) || node.outputs.contains(where: layers.contains) {
        layers.formUnion(node.inputs)
      }
    }
    return (maps, Set(nodes.flatMap(\.outputs)).subtracting(layers))
  }

  /// The nodes behind `output`, each made of what stands before it.
  private static func needed(
    _ output: String, _ graph: OnnxGraph, _ makers: [String: Int], _ given: Set<String>,
    _ fault: (OnnxFault.Place, String, String) -> FormatError
  ) throws(FormatError) -> [Int] {
    var isNeeded = [Bool](repeating: false, count: graph.nodes.count)
    guard let last = makers[output] else {
      throw fault(.graph, "an output that a node makes", output.debugDescription)
    }
    isNeeded[last] = true
    var pending = [last]
    while let index = pending.popLast() {
      let node = graph.nodes[index]
      for name in node.inputs where !name.isEmpty && !given.contains(name) {
        guard let maker = makers[name] else {
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
