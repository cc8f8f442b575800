import FixresIR

/// Which nodes of a model its first output needs, and which input they read; checks names and order.
struct OnnxPlan {
  let input: OnnxValueInfo
  let output: String
  /// Places of the nodes that the output needs, in file order.
  let order: [Int]
  /// Whether the first node that reads the input is a Transpose.
  let startsWithTranspose: Bool

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
    guard let output = graph.outputs.first(where: { $0.name == GraphOutput.logits }) ?? graph.outputs.first
    else { throw fault(.graph, "an output", "none") }
    self.output = output.name
    order = try Self.needed(output.name, graph, makers, known.union(pictures.map(\.name)), fault)
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
