import FixresBase

extension WorkTally.Kind {
  /// A graph went through the verifier.
  package static let graphVerification = Self("graph verification")
}

/// Checks the invariants of a graph that passes and engines rely on, and collects all faults.
public enum Verifier {
  /// A violated invariant and the printed node that violates it.
  public struct Fault: Error, Hashable, Sendable {
    /// The invariant.
    public enum Kind: Hashable, Sendable {
      /// Two values have this name.
      case duplicateName(String)
      /// An operand that is computed later or never.
      case usedBeforeMade(String)
      /// Operands that do not fit the operation.
      case typeFault(TypeFault)
      /// The result's type differs from the inferred one.
      case wrongType(written: TensorType, inferred: TensorType)
      /// The graph inputs are not one picture `f32[N,C,H,W]`.
      case input(String)
      /// An output is missing, doubled or of a wrong type.
      case output(String)
      /// A constant has a batch dimension or too many elements.
      case constant(String)
    }

    /// The violated invariant.
    public let kind: Kind
    /// The printed node; empty where the fault concerns inputs, constants or outputs.
    public let node: String
  }

  /// All faults of `graph`; empty for a valid graph.
  public static func faults(in graph: Graph) -> [Fault] {
    WorkTally.record(.graphVerification)
    return frameFaults(graph) + nodeFaults(graph)
  }

  /// Checks `graph`.
  ///
  /// - Throws: `tooMany`, `unverified` with all faults.
  public static func check(_ graph: Graph) throws(IRError) {
    try GraphLimits.check(graph)
    let found = faults(in: graph)
    guard found.isEmpty else { throw .unverified(found) }
  }

  private static func frameFaults(_ graph: Graph) -> [Fault] {
    var faults: [Fault] = []
    func report(_ kind: Fault.Kind) { faults.append(Fault(kind: kind, node: "")) }
    var seen: Set<String> = []
    for value in graph.values where !seen.insert(value.name).inserted {
      report(.duplicateName(value.name))
    }
    if graph.inputs.count != 1 {
      report(.input("a graph has one input, not \(graph.inputs.count)"))
    }
    for input in graph.inputs {
      let type = graph[input].type
      let isPicture = type.isImage && type.dims.allSatisfy { $0 > 0 } && type.checkedElementCount != nil
      if !isPicture { report(.input("%\(graph[input].name) is \(type) and not f32[N,C,H,W]")) }
    }
    for constant in graph.constants {
      let type = graph[constant].type
      if type.batched || type.checkedElementCount == nil {
        report(.constant("%\(graph[constant].name) is \(type), which no constant can be"))
      }
    }
    var outputNames: Set<String> = []
    for output in graph.outputs {
      if !outputNames.insert(output.name).inserted {
        report(.output("two outputs are called \(output.name)"))
      }
      if !graph[output.value].type.batched {
        report(.output("\(output.name) does not depend on the input"))
      }
    }
    if graph.runOutputs.isEmpty {
      report(.output("there is no output called \(GraphOutput.logits) or \(GraphOutput.features)"))
    }
    if let logits = graph.output(GraphOutput.logits), graph[logits].type.dims.count != 1 {
      report(.output("\(GraphOutput.logits) is \(graph[logits].type) and not f32[N,classes]"))
    }
    return faults
  }

  private static func nodeFaults(_ graph: Graph) -> [Fault] {
    var faults: [Fault] = []
    var made = [Bool](repeating: false, count: graph.values.count)
    for value in graph.inputs + graph.constants { made[value.index] = true }
    for node in graph.nodes {
      var kinds: [Fault.Kind] = []
      for operand in node.operands where !made[operand.index] {
        kinds.append(.usedBeforeMade(graph[operand].name))
      }
      do {
        let inferred = try node.op.inferType(node.operands.map { graph[$0].type })
        let written = graph[node.result].type
        if inferred != written { kinds.append(.wrongType(written: written, inferred: inferred)) }
      } catch {
        kinds.append(.typeFault(error))
      }
      if made[node.result.index] { kinds.append(.duplicateName(graph[node.result].name)) }
      made[node.result.index] = true
      if !kinds.isEmpty {
        let text = GraphPrinter.text(of: node, in: graph)
        faults += kinds.map { Fault(kind: $0, node: text) }
      }
    }
    return faults
  }
}
