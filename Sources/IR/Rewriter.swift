/// The only way to change a graph: edits in place, then `finish` gives the new one.
///
/// Value and node identifiers of the graph that was handed in stay valid until `finish`; new ones are added
/// after them. A pass that leaves a value without a maker breaks a precondition in `finish`.
public struct Rewriter {
  private var storage: GraphStorage
  private var liveNodes: [Bool]
  /// Execution order, as places in `storage.nodes`; erased ones stay in it until `finish`.
  private var order: [Int]
  /// For each place in `storage.nodes`, its place in `order`.
  private var positions: [Int]
  /// For each value, the place of the live node that makes it.
  private var makers: [Int?]
  /// For each value, the places of the live nodes that read it, one entry a use, in no order.
  private var readers: [[Int]]
  private var erasedConstants: Set<ValueID> = []
  private var names: Set<String>

  public init(_ graph: Graph) {
    storage = GraphStorage(
      name: graph.name, values: graph.values, inputs: graph.inputs, constants: graph.constants,
      nodes: graph.nodes, outputs: graph.outputs)
    liveNodes = [Bool](repeating: true, count: graph.nodes.count)
    order = Array(graph.nodes.indices)
    positions = order
    makers = graph.producers.map { $0?.index }
    readers = graph.users.map { $0.map(\.index) }
    names = Set(graph.values.map(\.name))
  }

  public subscript(value: ValueID) -> Value { storage.values[value.index] }
  public subscript(node: NodeID) -> Node { storage.nodes[node.index] }

  /// The live nodes in execution order, as they are now.
  public var nodeIDs: [NodeID] { order.lazy.filter { liveNodes[$0] }.map(NodeID.init) }
  public var outputs: [GraphOutput] { storage.outputs }
  public var constants: [ValueID] { storage.constants.filter { !erasedConstants.contains($0) } }
  public var inputs: [ValueID] { storage.inputs }

  /// The live nodes that read `value`, one entry a use, in execution order.
  public func users(of value: ValueID) -> [NodeID] {
    let places = readers[value.index]
    return (places.count < 2 ? places : places.sorted { positions[$0] < positions[$1] }).map(NodeID.init)
  }

  /// The live node that makes `value`; nil for inputs and constants.
  public func producer(of value: ValueID) -> NodeID? { makers[value.index].map(NodeID.init) }

  /// Whether `value` is a constant: nothing makes it, and no picture comes in by it.
  public func isConstant(_ value: ValueID) -> Bool {
    makers[value.index] == nil && !self[value].type.batched && !erasedConstants.contains(value)
  }

  public func isOutput(_ value: ValueID) -> Bool { storage.outputs.contains { $0.value == value } }

  /// Replaces what `node` computes; its result keeps its name and takes the inferred type.
  public mutating func update(_ node: NodeID, op: Op, operands: [ValueID]) throws(IRError) {
    let result = storage.nodes[node.index].result
    let type = try infer(op, operands, name: self[result].name)
    setNode(node.index, Node(op: op, operands: operands, result: result))
    storage.values[result.index] = Value(name: self[result].name, type: type)
  }

  /// Adds a node before `successor` in execution order, or at the end; gives its result.
  public mutating func insert(
    _ op: Op, _ operands: [ValueID], name: String, before successor: NodeID? = nil
  ) throws(IRError) -> ValueID {
    let type = try infer(op, operands, name: name)
    let result = try declare(name, type)
    let node = Node(op: op, operands: operands, result: result)
    let place = storage.nodes.count
    storage.nodes.append(node)
    liveNodes.append(true)
    for operand in operands { readers[operand.index].append(place) }
    makers[result.index] = place
    positions.append(order.count)
    let position = successor.map { positions[$0.index] } ?? order.count
    order.insert(place, at: position)
    for later in position..<order.count { positions[order[later]] = later }
    return result
  }

  /// Declares a new constant.
  public mutating func addConstant(_ name: String, shape: [Int]) throws(IRError) -> ValueID {
    let value = try declare(name, TensorType(batched: false, shape))
    storage.constants.append(value)
    return value
  }

  /// Makes every reader and output of `old` read `new` instead; types must agree.
  public mutating func replaceUses(of old: ValueID, with new: ValueID) {
    precondition(
      self[old].type == self[new].type, "uses of \(self[old].type) can't be given \(self[new].type)")
    for place in Set(readers[old.index]) {
      let node = storage.nodes[place]
      setNode(
        place, Node(op: node.op, operands: node.operands.map { $0 == old ? new : $0 }, result: node.result))
    }
    storage.outputs = storage.outputs.map {
      $0.value == old ? GraphOutput(name: $0.name, value: new) : $0
    }
  }

  /// Points the graph's output `name` at `value`.
  public mutating func setOutput(_ name: String, to value: ValueID) {
    storage.outputs = storage.outputs.map {
      $0.name == name ? GraphOutput(name: name, value: value) : $0
    }
  }

  /// Takes `node` out; nobody may read its result any more.
  public mutating func erase(_ node: NodeID) {
    let result = storage.nodes[node.index].result
    precondition(
      readers[result.index].isEmpty && !isOutput(result), "%\(self[result].name) is still read")
    for operand in self[node].operands { removeReader(node.index, of: operand) }
    makers[result.index] = nil
    liveNodes[node.index] = false
    names.remove(self[result].name)
  }

  /// Takes the constant `value` out; nobody may read it any more.
  public mutating func erase(constant value: ValueID) {
    precondition(readers[value.index].isEmpty && !isOutput(value), "%\(self[value].name) is still read")
    erasedConstants.insert(value)
    names.remove(self[value].name)
  }

  /// Calls `value` by `name`, which must be free.
  public mutating func rename(_ value: ValueID, to name: String) throws(IRError) {
    let old = self[value]
    guard old.name != name else { return }
    guard names.insert(name).inserted else { throw .duplicateName(name) }
    names.remove(old.name)
    storage.values[value.index] = Value(name: name, type: old.type)
  }

  /// Moves `node` to directly before `successor`; its operands must be made before that.
  public mutating func move(_ node: NodeID, before successor: NodeID) {
    guard node != successor else { return }
    let (old, target) = (positions[node.index], positions[successor.index])
    let new = old < target ? target - 1 : target
    for position in stride(from: old, to: new, by: old < new ? 1 : -1) {
      order[position] = order[position + (old < new ? 1 : -1)]
      positions[order[position]] = position
    }
    order[new] = node.index
    positions[node.index] = new
  }

  /// Gives the first input a new height and width and infers every type anew; the graph must still fit itself.
  public mutating func retype(resolution: Extent) throws(IRError) {
    guard let input = storage.inputs.first else { return }
    let old = self[input]
    storage.values[input.index] = Value(
      name: old.name, type: .image(old.type.channels, resolution.height, resolution.width))
    for place in order where liveNodes[place] {
      let node = storage.nodes[place]
      let name = self[node.result].name
      let op = node.op.fitted(to: node.operands.map { self[$0].type })
      storage.nodes[place] = Node(op: op, operands: node.operands, result: node.result)
      storage.values[node.result.index] = Value(
        name: name, type: try infer(op, node.operands, name: name))
    }
  }

  /// A name that no value has yet: `base`, or `base.1`, `base.2` and so on.
  public func freeName(_ base: String) -> String {
    if !names.contains(base) { return base }
    var suffix = 1
    while names.contains("\(base).\(suffix)") { suffix += 1 }
    return "\(base).\(suffix)"
  }

  /// The graph as it now is.
  public func finish() -> Graph {
    var final = storage
    final.constants = constants
    final.nodes = order.filter { liveNodes[$0] }.map { storage.nodes[$0] }
    return final.canonicalGraph()
  }

  private func infer(_ op: Op, _ operands: [ValueID], name: String) throws(IRError) -> TensorType {
    do {
      return try op.inferType(operands.map { self[$0].type })
    } catch {
      let text = GraphPrinter.nodeText(
        op: op, resultName: name, operandNames: operands.map { self[$0].name }, type: nil)
      throw .illTyped(node: text, fault: error)
    }
  }

  private mutating func declare(_ name: String, _ type: TensorType) throws(IRError) -> ValueID {
    guard names.insert(name).inserted else { throw .duplicateName(name) }
    storage.values.append(Value(name: name, type: type))
    makers.append(nil)
    readers.append([])
    return ValueID(storage.values.count - 1)
  }

  // MARK: Accounts

  private mutating func setNode(_ place: Int, _ node: Node) {
    for operand in storage.nodes[place].operands { removeReader(place, of: operand) }
    for operand in node.operands { readers[operand.index].append(place) }
    storage.nodes[place] = node
  }

  private mutating func removeReader(_ place: Int, of value: ValueID) {
    guard let index = readers[value.index].firstIndex(of: place) else { return }
    readers[value.index].remove(at: index)
  }
}
