/// Edits a graph in place; `finish` gives the new graph.
///
/// Value and node identifiers of the original graph stay valid until `finish`; new ones are added after them. A value
/// that is used but has no producer violates a precondition of `finish`.
public struct Rewriter {
  private var storage: GraphStorage
  private var liveNodes: [Bool]
  /// Execution order, as indices into `storage.nodes`; erased nodes stay in it until `finish`.
  private var order: [Int]
  /// For each node in `storage.nodes`, its position in `order`.
  private var positions: [Int]
  /// For each value, the index of the live node that computes it.
  private var producers: [Int?]
  /// For each value, its uses by live nodes, unordered.
  private var uses: [[Use]]
  /// For each node and operand, where its use stands among the uses of the operand's value.
  private var places: [[Int]]
  /// For each value, the number of outputs that give it out.
  private var outputCounts: [Int]
  private var erasedConstants: Set<ValueID> = []
  private var names: Set<String>
  /// For each base that a free name was asked for, a suffix below which none is free.
  private var firstFreeSuffix: [String: Int] = [:]

  /// Operand `operand` of the node at index `node`.
  private struct Use {
    var node: Int
    var operand: Int
  }

  /// A rewriter of `graph`.
  public init(_ graph: Graph) {
    storage = GraphStorage(
      name: graph.name, values: graph.values, inputs: graph.inputs, constants: graph.constants,
      nodes: graph.nodes, outputs: graph.outputs)
    liveNodes = [Bool](repeating: true, count: graph.nodes.count)
    order = Array(graph.nodes.indices)
    positions = order
    producers = graph.producers.map { $0?.index }
    uses = [[Use]](repeating: [], count: graph.values.count)
    places = graph.nodes.map { [Int](repeating: 0, count: $0.operands.count) }
    outputCounts = [Int](repeating: 0, count: graph.values.count)
    names = Set(graph.values.map(\.name))
    for node in graph.nodes.indices { addUses(of: node) }
    for output in graph.outputs { outputCounts[output.value.index] += 1 }
  }

  /// The value `value`.
  public subscript(value: ValueID) -> Value { storage.values[value.index] }
  /// The node `node`.
  public subscript(node: NodeID) -> Node { storage.nodes[node.index] }

  /// The live nodes in execution order.
  public var nodeIDs: [NodeID] { order.lazy.filter { liveNodes[$0] }.map(NodeID.init) }
  /// The named results.
  public var outputs: [GraphOutput] { storage.outputs }
  /// The constants that have not been erased.
  public var constants: [ValueID] { storage.constants.filter { !erasedConstants.contains($0) } }
  /// The graph inputs.
  public var inputs: [ValueID] { storage.inputs }

  /// The live nodes that read `value`, an entry for each use, in execution order.
  public func users(of value: ValueID) -> [NodeID] {
    let nodes = uses[value.index].map(\.node)
    return (nodes.count < 2 ? nodes : nodes.sorted { positions[$0] < positions[$1] }).map(NodeID.init)
  }

  /// Number of uses of `value` by live nodes.
  package func useCount(of value: ValueID) -> Int { uses[value.index].count }

  /// The node of the only use of `value`; nil where nodes have none or several.
  package func onlyUser(of value: ValueID) -> NodeID? {
    uses[value.index].count == 1 ? NodeID(uses[value.index][0].node) : nil
  }

  /// The live node that computes `value`; nil for inputs and constants.
  public func producer(of value: ValueID) -> NodeID? { producers[value.index].map(NodeID.init) }

  /// Whether `value` is a constant: it has no producer and is not a graph input.
  public func isConstant(_ value: ValueID) -> Bool {
    producers[value.index] == nil && !self[value].type.batched && !erasedConstants.contains(value)
  }

  /// Whether `value` is an output of the graph.
  public func isOutput(_ value: ValueID) -> Bool { outputCounts[value.index] > 0 }

  /// Replaces the operation and operands of `node`; its result keeps its name and gets the inferred type.
  ///
  /// - Throws: `illTyped` where the operands do not fit.
  public mutating func update(_ node: NodeID, op: Op, operands: [ValueID]) throws(IRError) {
    let result = storage.nodes[node.index].result
    let type = try infer(op, operands, name: self[result].name)
    setNode(node.index, Node(op: op, operands: operands, result: result))
    storage.values[result.index] = Value(name: self[result].name, type: type)
  }

  /// Inserts a node before `successor` in execution order, or at the end, and gives its result.
  ///
  /// - Throws: `illTyped` where the operands do not fit, `duplicateName`.
  public mutating func insert(
    _ op: Op, _ operands: [ValueID], name: String, before successor: NodeID? = nil
  ) throws(IRError) -> ValueID {
    let type = try infer(op, operands, name: name)
    let result = try declare(name, type)
    let node = Node(op: op, operands: operands, result: result)
    let index = storage.nodes.count
    storage.nodes.append(node)
    liveNodes.append(true)
    places.append([])
    addUses(of: index)
    producers[result.index] = index
    positions.append(order.count)
    let position = successor.map { positions[$0.index] } ?? order.count
    order.insert(index, at: position)
    for later in position..<order.count { positions[order[later]] = later }
    return result
  }

  /// Declares a new constant.
  ///
  /// - Throws: `duplicateName`.
  public mutating func addConstant(_ name: String, shape: [Int]) throws(IRError) -> ValueID {
    let value = try declare(name, TensorType(batched: false, shape))
    storage.constants.append(value)
    return value
  }

  /// Replaces `old` by `new` in every operand and output; the types must be equal.
  public mutating func replaceUses(of old: ValueID, with new: ValueID) {
    precondition(
      self[old].type == self[new].type, "a use of \(self[old].type) cannot read \(self[new].type)")
    for index in Set(uses[old.index].map(\.node)) {
      let node = storage.nodes[index]
      setNode(
        index, Node(op: node.op, operands: node.operands.map { $0 == old ? new : $0 }, result: node.result))
    }
    guard isOutput(old) else { return }
    for (index, output) in storage.outputs.enumerated() where output.value == old {
      setOutput(at: index, to: new)
    }
  }

  /// Makes `value` the output `name`, which must exist.
  public mutating func setOutput(_ name: String, to value: ValueID) {
    storage.outputs = storage.outputs.map {
      $0.name == name ? GraphOutput(name: name, value: value) : $0
    }
  }

  /// Removes `node`, whose result must be unused.
  public mutating func erase(_ node: NodeID) {
    let result = storage.nodes[node.index].result
    precondition(
      uses[result.index].isEmpty && !isOutput(result), "%\(self[result].name) is still read")
    removeUses(of: node.index)
    producers[result.index] = nil
    liveNodes[node.index] = false
    release(name: self[result].name)
  }

  /// Removes the constant `value`, which must be unused.
  public mutating func erase(constant value: ValueID) {
    precondition(uses[value.index].isEmpty && !isOutput(value), "%\(self[value].name) is still read")
    erasedConstants.insert(value)
    release(name: self[value].name)
  }

  /// Renames `value`.
  ///
  /// - Throws: `duplicateName` where another value is named `name`.
  public mutating func rename(_ value: ValueID, to name: String) throws(IRError) {
    let old = self[value]
    guard old.name != name else { return }
    guard names.insert(name).inserted else { throw .duplicateName(name) }
    release(name: old.name)
    storage.values[value.index] = Value(name: name, type: old.type)
  }

  /// Moves `node` directly before `successor`, where its operands must be available.
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

  /// Sets height and width of the first input and infers every type anew.
  ///
  /// - Throws: `illTyped` for the first node that does not fit the new size; types before it have been changed.
  public mutating func retype(resolution: Extent) throws(IRError) {
    guard let input = storage.inputs.first else { return }
    let old = self[input]
    storage.values[input.index] = Value(
      name: old.name, type: .image(old.type.channels, resolution.height, resolution.width))
    for index in order where liveNodes[index] {
      let node = storage.nodes[index]
      let name = self[node.result].name
      let op = node.op.fitted(to: node.operands.map { self[$0].type })
      storage.nodes[index] = Node(op: op, operands: node.operands, result: node.result)
      storage.values[node.result.index] = Value(
        name: name, type: try infer(op, node.operands, name: name))
    }
  }

  /// An unused name: `base`, or the first free one of `base.1`, `base.2` and so on.
  public mutating func freeName(_ base: String) -> String {
    if !names.contains(base) { return base }
    var suffix = firstFreeSuffix[base] ?? 1
    while names.contains("\(base).\(suffix)") { suffix += 1 }
    firstFreeSuffix[base] = suffix
    return "\(base).\(suffix)"
  }

  /// The edited graph, values in canonical order.
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
    producers.append(nil)
    uses.append([])
    outputCounts.append(0)
    return ValueID(storage.values.count - 1)
  }

  /// Makes `name` free again.
  private mutating func release(name: String) {
    names.remove(name)
    guard let dot = name.lastIndex(of: "."), let suffix = Int(name[name.index(after: dot)...]) else { return }
    let base = String(name[..<dot])
    if let first = firstFreeSuffix[base] { firstFreeSuffix[base] = min(first, max(1, suffix)) }
  }

  // MARK: - Uses

  private mutating func setNode(_ index: Int, _ node: Node) {
    removeUses(of: index)
    storage.nodes[index] = node
    addUses(of: index)
  }

  private mutating func addUses(of node: Int) {
    let operands = storage.nodes[node].operands
    places[node] = [Int](repeating: 0, count: operands.count)
    for (operand, value) in operands.enumerated() {
      places[node][operand] = uses[value.index].count
      uses[value.index].append(Use(node: node, operand: operand))
    }
  }

  /// The last use of a value takes the place of the one that goes, so that a value of many uses costs no search.
  private mutating func removeUses(of node: Int) {
    for (operand, value) in storage.nodes[node].operands.enumerated() {
      let place = places[node][operand]
      let last = uses[value.index].removeLast()
      guard place < uses[value.index].count else { continue }
      uses[value.index][place] = last
      places[last.node][last.operand] = place
    }
  }

  private mutating func setOutput(at index: Int, to value: ValueID) {
    let old = storage.outputs[index]
    outputCounts[old.value.index] -= 1
    outputCounts[value.index] += 1
    storage.outputs[index] = GraphOutput(name: old.name, value: value)
  }
}
