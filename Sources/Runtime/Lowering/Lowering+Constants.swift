import FixresBase
import FixresIR

extension Lowering {
  /// Bytes that folded constants may take at a time beyond those of the model's own, and over all nodes for each of
  /// them: exporters leave a few nodes between weights and layers, not thousands.
  private static let spareByteCount = 32 << 20
  private static let foldings = 8
  /// Bytes that a plan keeps for each operand of a concatenation: a graph's text has a hundredth of them.
  private static let operandByteCount = 512

  /// Evaluates nodes without a batch, whose operands are constants, by the reference. Those that no later node reads are
  /// let go.
  ///
  /// - Throws: `derivedConstantsTooLarge`, before anything is allocated, where the graph makes more of its constants
  ///   than their size justifies.
  mutating func foldConstants() throws(RuntimeError) {
    let readers = lastReaders()
    try requireRoom(readers)
    for (index, node) in graph.nodes.enumerated() where !graph[node.result].type.batched {
      guard readers[node.result.index] > index else { continue }
      var operands: [ReferenceValue] = []
      for operand in node.operands { operands.append(try constant(operand)) }
      folded[node.result.index] = ReferenceInterpreter.evaluate(node.op, operands, batched: false)
      for operand in node.operands where readers[operand.index] == index { folded[operand.index] = nil }
    }
  }

  /// By value: the last node that reads it and whose result matters; `Int.max` where a layer does, which is lowered
  /// later, and -1 where none does.
  private func lastReaders() -> [Int] {
    var readers = [Int](repeating: -1, count: graph.values.count)
    for (index, node) in graph.nodes.enumerated().reversed() {
      let isLayer = graph[node.result].type.batched
      guard isLayer || readers[node.result.index] >= 0 else { continue }
      let reader = isLayer ? Int.max : index
      for operand in node.operands { readers[operand.index] = max(readers[operand.index], reader) }
    }
    return readers
  }

  /// Counts what folding takes, and the tables of batch norms and concatenations, without doing any of it.
  private func requireRoom(_ readers: [Int]) throws(RuntimeError) {
    let constants = model.constants.byteCount
    let mostAtOnce = constants.addingSaturated(Self.spareByteCount)
    let mostInAll = constants.multipliedSaturated(Self.foldings).addingSaturated(Self.spareByteCount)
    func byteCount(_ value: ValueID) -> Int { graph[value].type.elementCount.multipliedSaturated(4) }
    func require(_ needed: Int, _ limit: Int, _ value: ValueID) throws(RuntimeError) {
      guard needed <= limit else {
        throw .derivedConstantsTooLarge(value: graph[value].name, needed: needed, limit: limit)
      }
    }
    var (alive, total) = (0, 0)
    for (index, node) in graph.nodes.enumerated() {
      if graph[node.result].type.batched {
        if case .batchNorm = node.op {
          total = total.addingSaturated(byteCount(node.operands[1]).multipliedSaturated(2))
        } else if case .concat = node.op {
          total = total.addingSaturated(node.operands.count * Self.operandByteCount)
        }
      } else if readers[node.result.index] > index {
        let made = byteCount(node.result)
        (alive, total) = (alive.addingSaturated(made), total.addingSaturated(made))
        try require(alive, mostAtOnce, node.result)
        for operand in Set(node.operands)
        where readers[operand.index] == index && !graph.isConstant(operand) {
          alive -= byteCount(operand)
        }
      }
      try require(total, mostInAll, node.result)
    }
  }

  func constant(_ value: ValueID) throws(RuntimeError) -> ReferenceValue {
    if let made = folded[value.index] { return made }
    let name = graph[value].name
    guard let tensor = model.constants[name] else { throw .model(.missingConstant(name)) }
    return ReferenceValue(dims: tensor.shape, elements: tensor.floats)
  }
}

extension Graph {
  /// Whether `value` is one of the constants: these follow the inputs, and results follow them.
  fileprivate func isConstant(_ value: ValueID) -> Bool {
    (inputs.count..<inputs.count + constants.count).contains(value.index)
  }
}
