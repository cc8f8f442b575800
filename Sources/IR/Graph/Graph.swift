import FixresBase

/// Index of a value in `Graph.values`.
public struct ValueID: Hashable, Sendable {
  package let index: Int
  package init(_ index: Int) { self.index = index }
}

/// Index of a node in `Graph.nodes`.
public struct NodeID: Hashable, Sendable {
  package let index: Int
  package init(_ index: Int) { self.index = index }
}

/// An operand or result of nodes: a graph input, a constant or a node's result.
public struct Value: Hashable, Sendable {
  /// Name in the textual form, unique in the graph.
  public let name: String
  /// Element type and shape.
  public let type: TensorType

  package init(name: String, type: TensorType) {
    self.name = name
    self.type = type
  }
}

/// An operation with its operands and its result.
public struct Node: Hashable, Sendable {
  /// The operation and its attributes.
  public let op: Op
  /// The values read, in the order of the operation's operand roles.
  public let operands: [ValueID]
  /// The value computed.
  public let result: ValueID

  package init(op: Op, operands: [ValueID], result: ValueID) {
    self.op = op
    self.operands = operands
    self.result = result
  }
}

/// A named result of the graph.
public struct GraphOutput: Hashable, Sendable {
  /// The name under which callers ask for it.
  public let name: String
  /// The value given out.
  public let value: ValueID

  /// The classifier's scores before softmax, `[N, classes]`; absent where the network has no classifier.
  public static let logits = "logits"
  /// The pooled features, `[N, F]`, which the classifier reads; every graph has these or logits.
  public static let features = "features"

  package init(name: String, value: ValueID) {
    self.name = name
    self.value = value
  }
}

/// A trained network as a list of typed operations in execution order, in single-assignment form. Built by
/// `GraphBuilder` or `GraphParser`, changed only by `Rewriter`.
///
/// Values are numbered inputs first, then constants, then results in execution order, so that two graphs are equal
/// exactly when their texts are.
public struct Graph: Hashable, Sendable {
  /// Name in the textual form.
  public let name: String
  /// All values in canonical order.
  public let values: [Value]
  /// The graph inputs; a verified graph has one, the picture.
  public let inputs: [ValueID]
  /// The constants, whose data a `Model` holds by name.
  public let constants: [ValueID]
  /// The nodes in execution order.
  public let nodes: [Node]
  /// The named results.
  public let outputs: [GraphOutput]

  package init(
    name: String, values: [Value], inputs: [ValueID], constants: [ValueID], nodes: [Node],
    outputs: [GraphOutput]
  ) {
    self.name = name
    self.values = values
    self.inputs = inputs
    self.constants = constants
    self.nodes = nodes
    self.outputs = outputs
  }

  /// The value `value`.
  public subscript(value: ValueID) -> Value { values[value.index] }
  /// The node `node`.
  public subscript(node: NodeID) -> Node { nodes[node.index] }

  /// The nodes' identifiers in execution order.
  public var nodeIDs: [NodeID] { nodes.indices.map(NodeID.init) }

  /// The first input, the picture `[N, 3, H, W]`; nil in a graph without inputs, which the verifier refuses.
  public var imageInput: Value? { inputs.first.map { self[$0] } }

  /// Height and width of the input that the graph is typed for.
  public var resolution: Extent { imageInput?.type.spatial ?? Extent(0, 0) }

  /// The value given out as `name`; nil where there is no such output.
  public func output(_ name: String) -> ValueID? { outputs.first { $0.name == name }?.value }

  /// What a run gives out: the logits, then the features, of which a graph may lack one.
  package var runOutputs: [ValueID] { [GraphOutput.logits, GraphOutput.features].compactMap { output($0) } }

  /// The value named `name`; nil where there is none.
  public func value(named name: String) -> ValueID? {
    values.firstIndex { $0.name == name }.map(ValueID.init)
  }

  /// For each value, the node that computes it; nil for inputs and constants.
  package var producers: [NodeID?] {
    var producers = [NodeID?](repeating: nil, count: values.count)
    for (index, node) in nodes.enumerated() { producers[node.result.index] = NodeID(index) }
    return producers
  }

  /// For each value, the nodes that read it, an entry for each use.
  package var users: [[NodeID]] {
    var users = [[NodeID]](repeating: [], count: values.count)
    for (index, node) in nodes.enumerated() {
      for operand in node.operands { users[operand.index].append(NodeID(index)) }
    }
    return users
  }

  /// Multiply-accumulates for one image, of convolutions and linear layers only, as papers count them; saturates.
  public var multiplyAccumulates: Int {
    nodes.reduce(0) { $0.addingSaturated(multiplyAccumulates(of: $1)) }
  }

  /// Multiply-accumulates of one node for one image.
  public func multiplyAccumulates(of node: Node) -> Int {
    node.op.multiplyAccumulates(operands: node.operands.map { self[$0].type }, result: self[node.result].type)
  }

  /// Number of elements of all constants: the network's parameters, running statistics included.
  public var constantElementCount: Int {
    constants.reduce(0) { $0.addingSaturated(self[$1].type.elementCount) }
  }
}
