/// A value of a graph, by its place in `Graph.values`.
public struct ValueID: Hashable, Sendable {
  package let index: Int
  package init(_ index: Int) { self.index = index }
}

/// A node of a graph, by its place in `Graph.nodes`.
public struct NodeID: Hashable, Sendable {
  package let index: Int
  package init(_ index: Int) { self.index = index }
}

/// Something a node reads or writes: a graph input, a constant or a node's result.
public struct Value: Hashable, Sendable {
  public let name: String
  public let type: TensorType

  package init(name: String, type: TensorType) {
    self.name = name
    self.type = type
  }
}

/// One operation: what is computed from which operands into which result.
public struct Node: Hashable, Sendable {
  public let op: Op
  public let operands: [ValueID]
  public let result: ValueID

  package init(op: Op, operands: [ValueID], result: ValueID) {
    self.op = op
    self.operands = operands
    self.result = result
  }
}

/// A result of the whole graph under the name that callers ask for.
public struct GraphOutput: Hashable, Sendable {
  public let name: String
  public let value: ValueID

  /// The classifier's scores before softmax, `[N, classes]`; every graph has this output.
  public static let logits = "logits"
  /// The pooled features that the classifier reads, `[N, F]`.
  public static let features = "features"

  package init(name: String, value: ValueID) {
    self.name = name
    self.value = value
  }
}

/// A trained network as a straight line of typed operations. Made by `GraphBuilder` or `GraphParser`, changed
/// by `Rewriter` alone.
///
/// Values are numbered inputs first, then constants, then results in execution order, so that two graphs are
/// equal exactly when their texts are.
public struct Graph: Hashable, Sendable {
  public let name: String
  public let values: [Value]
  public let inputs: [ValueID]
  public let constants: [ValueID]
  /// The nodes in execution order.
  public let nodes: [Node]
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

  public subscript(value: ValueID) -> Value { values[value.index] }
  public subscript(node: NodeID) -> Node { nodes[node.index] }

  public var nodeIDs: [NodeID] { nodes.indices.map(NodeID.init) }

  /// The first input, the picture `[N, 3, H, W]`; nil in a graph without one, which no verified graph is.
  public var imageInput: Value? { inputs.first.map { self[$0] } }

  /// Height and width that the graph is typed for.
  public var resolution: Extent { imageInput?.type.spatial ?? Extent(0, 0) }

  public func output(_ name: String) -> ValueID? { outputs.first { $0.name == name }?.value }

  /// The value called `name`.
  public func value(named name: String) -> ValueID? {
    values.firstIndex { $0.name == name }.map(ValueID.init)
  }

  /// For each value, the node that makes it; nil for inputs and constants.
  package var producers: [NodeID?] {
    var producers = [NodeID?](repeating: nil, count: values.count)
    for (index, node) in nodes.enumerated() { producers[node.result.index] = NodeID(index) }
    return producers
  }

  /// For each value, the nodes that read it, one entry a use.
  package var users: [[NodeID]] {
    var users = [[NodeID]](repeating: [], count: values.count)
    for (index, node) in nodes.enumerated() {
      for operand in node.operands { users[operand.index].append(NodeID(index)) }
    }
    return users
  }

  /// Multiply-accumulates for one image: convolutions and linear layers, as papers count them.
  public var multiplyAccumulates: Int {
    nodes.reduce(0) { $0.addingSaturatedCount(multiplyAccumulates(of: $1)) }
  }

  /// Multiply-accumulates of one node for one image.
  public func multiplyAccumulates(of node: Node) -> Int {
    node.op.multiplyAccumulates(operands: node.operands.map { self[$0].type }, result: self[node.result].type)
  }

  /// Elements of all constants: the network's parameters, running statistics included.
  public var constantElementCount: Int {
    constants.reduce(0) { $0.addingSaturatedCount(self[$1].type.elementCount) }
  }
}

extension Int {
  fileprivate func addingSaturatedCount(_ other: Int) -> Int {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? .max : sum
  }
}
