import FixresBase

extension WorkTally.Kind {
  /// A graph went through the verifier.
  package static let graphVerification = Self("graph verification")
}

/// Checks that a graph keeps every promise that passes and engines rely on; collects all faults.
public enum Verifier {
  /// One broken promise and the node, printed, that breaks it.
  public struct Fault: Error, Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
      case duplicateName(String)
      /// An operand is made later than it is read, or nowhere.
      case usedBeforeMade(String)
      case typeFault(TypeFault)
      /// The type that is written is not the one that the operation gives.
      case wrongType(written: TensorType, inferred: TensorType)
      case input(String)
      case output(String)
      case constant(String)
    }

    public let kind: Kind
    /// The printed node, empty where the fault lies in the graph's frame.
    public let node: String
  }

  /// Every fault of `graph`; empty when it is sound.
  public static func faults(in graph: Graph) -> [Fault] {
    WorkTally.record(.graphVerification)
    return frameFaults(graph) + nodeFaults(graph)
  }

  /// Throws all faults of `graph` where it has any.
  public static func check(_ graph: Graph) throws(IRError) {
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
    guard let logits = graph.output(GraphOutput.logits) else {
      report(.output("there is no output called \(GraphOutput.logits)"))
      return faults
    }
    if graph[logits].type.dims.count != 1 {
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
