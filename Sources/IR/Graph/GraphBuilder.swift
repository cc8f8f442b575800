/// Builds a graph by appending operations, whose result types are inferred.
public struct GraphBuilder {
  private var name: String
  private var values: [Value] = []
  private var inputs: [ValueID] = []
  private var constants: [ValueID] = []
  private var nodes: [Node] = []
  private var outputs: [GraphOutput] = []
  private var names: Set<String> = []
  private var outputNames: Set<String> = []
  private var operandCount = 0

  /// An empty graph called `name`.
  public init(name: String) { self.name = name }

  /// The value `value`.
  public subscript(value: ValueID) -> Value { values[value.index] }

  /// Declares a graph input.
  ///
  /// - Throws: `duplicateName`, `tooMany`.
  public mutating func input(_ name: String, _ type: TensorType) throws(IRError) -> ValueID {
    let value = try declare(name, type)
    inputs.append(value)
    return value
  }

  /// Declares a constant, whose data the model holds under `name`.
  ///
  /// - Throws: `duplicateName`, `tooMany`.
  public mutating func constant(_ name: String, shape: [Int]) throws(IRError) -> ValueID {
    let value = try declare(name, TensorType(batched: false, shape))
    constants.append(value)
    return value
  }

  /// Appends `op` on `operands`; its result is named `name` and has the inferred type.
  ///
  /// - Throws: `illTyped` where the operands do not fit, `duplicateName`, `tooMany`.
  public mutating func append(_ op: Op, _ operands: [ValueID], name: String) throws(IRError) -> ValueID {
    let type: TensorType
    do {
      type = try op.inferType(operands.map { values[$0.index].type })
    } catch {
      let text = GraphPrinter.nodeText(
        op: op, resultName: name, operandNames: operands.map { values[$0.index].name }, type: nil)
      throw .illTyped(node: text, fault: error)
    }
    operandCount += operands.count
    try GraphLimits.check(.operands, operandCount)
    try GraphLimits.check(.nodes, nodes.count + 1)
    let value = try declare(name, type)
    nodes.append(Node(op: op, operands: operands, result: value))
    return value
  }

  /// Declares `value` as an output of the graph.
  ///
  /// - Throws: `duplicateName` where there is an output `name`, `tooMany`.
  public mutating func output(_ name: String, _ value: ValueID) throws(IRError) {
    guard outputNames.insert(name).inserted else { throw .duplicateName(name) }
    outputs.append(GraphOutput(name: name, value: value))
    try GraphLimits.check(.outputs, outputs.count)
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
    try GraphLimits.check(.values, values.count)
    return ValueID(values.count - 1)
  }
}

/// The parts of a graph under construction, values in any order.
struct GraphStorage {
  var name: String
  var values: [Value]
  var inputs: [ValueID]
  var constants: [ValueID]
  var nodes: [Node]
  var outputs: [GraphOutput]

  /// The graph with values numbered inputs, constants, results; values that are none of these are left out.
  func canonicalGraph() -> Graph {
    var renumbered = [ValueID?](repeating: nil, count: values.count)
    var ordered: [Value] = []
    ordered.reserveCapacity(values.count)
    for value in inputs + constants + nodes.map(\.result) where renumbered[value.index] == nil {
      renumbered[value.index] = ValueID(ordered.count)
      ordered.append(values[value.index])
    }
    func moved(_ value: ValueID) -> ValueID {
      guard let new = renumbered[value.index] else {
        preconditionFailure("value %\(values[value.index].name) is used but has no producer")
      }
      return new
    }
    return Graph(
      name: name, values: ordered, inputs: inputs.map(moved), constants: constants.map(moved),
      nodes: nodes.map { Node(op: $0.op, operands: $0.operands.map(moved), result: moved($0.result)) },
      outputs: outputs.map { GraphOutput(name: $0.name, value: moved($0.value)) })
  }
}
