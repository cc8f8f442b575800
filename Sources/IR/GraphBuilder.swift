/// Appends typed operations to a new graph.
public struct GraphBuilder {
  private var name: String
  private var values: [Value] = []
  private var inputs: [ValueID] = []
  private var constants: [ValueID] = []
  private var nodes: [Node] = []
  private var outputs: [GraphOutput] = []
  private var names: Set<String> = []

  public init(name: String) { self.name = name }

  public subscript(value: ValueID) -> Value { values[value.index] }

  /// A graph input of `type`.
  public mutating func input(_ name: String, _ type: TensorType) throws(IRError) -> ValueID {
    let value = try declare(name, type)
    inputs.append(value)
    return value
  }

  /// A constant of `shape` whose data is found under `name` in the model's constants.
  public mutating func constant(_ name: String, shape: [Int]) throws(IRError) -> ValueID {
    let value = try declare(name, TensorType(batched: false, shape))
    constants.append(value)
    return value
  }

  /// `op` on `operands`, its result called `name` and typed by inference.
  public mutating func append(_ op: Op, _ operands: [ValueID], name: String) throws(IRError) -> ValueID {
    let type: TensorType
    do {
      type = try op.inferType(operands.map { values[$0.index].type })
    } catch {
      let text = GraphPrinter.nodeText(
        op: op, resultName: name, operandNames: operands.map { values[$0.index].name }, type: nil)
      throw .illTyped(node: text, fault: error)
    }
    let value = try declare(name, type)
    nodes.append(Node(op: op, operands: operands, result: value))
    return value
  }

  /// Declares `value` as a result of the graph under `name`.
  public mutating func output(_ name: String, _ value: ValueID) throws(IRError) {
    guard !outputs.contains(where: { $0.name == name }) else { throw .duplicateName(name) }
    outputs.append(GraphOutput(name: name, value: value))
  }

  /// The graph, its values in canonical order.
  public func build() -> Graph {
    GraphStorage(
      name: name, values: values, inputs: inputs, constants: constants, nodes: nodes, outputs: outputs
    ).canonicalGraph()
  }

  private mutating func declare(_ name: String, _ type: TensorType) throws(IRError) -> ValueID {
    guard names.insert(name).inserted else { throw .duplicateName(name) }
    values.append(Value(name: name, type: type))
    return ValueID(values.count - 1)
  }
}

/// The parts of a graph while it is being made, values in any order.
struct GraphStorage {
  var name: String
  var values: [Value]
  var inputs: [ValueID]
  var constants: [ValueID]
  var nodes: [Node]
  var outputs: [GraphOutput]

  /// The graph with values numbered inputs, constants, results; values that nothing declares are left out.
  func canonicalGraph() -> Graph {
    var place = [ValueID?](repeating: nil, count: values.count)
    var ordered: [Value] = []
    ordered.reserveCapacity(values.count)
    for value in inputs + constants + nodes.map(\.result) where place[value.index] == nil {
      place[value.index] = ValueID(ordered.count)
      ordered.append(values[value.index])
    }
    func moved(_ value: ValueID) -> ValueID {
      guard let new = place[value.index] else {
        preconditionFailure("value %\(values[value.index].name) is used but nothing makes it")
      }
      return new
    }
    return Graph(
      name: name, values: ordered, inputs: inputs.map(moved), constants: constants.map(moved),
      nodes: nodes.map { Node(op: $0.op, operands: $0.operands.map(moved), result: moved($0.result)) },
      outputs: outputs.map { GraphOutput(name: $0.name, value: moved($0.value)) })
  }
}
