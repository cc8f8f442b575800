import FixresIR

/// What the head of a network reads: the row of its pooled features.
enum PooledRow {
  /// `graph`, whose output is called `logits`, with the row from which layers of rows alone, one of them linear, make it
  /// as the output `features`; and without logits where that output is the pooled row itself.
  ///
  /// `hasScores` where a Softmax or a Sigmoid says that the output is scores.
  static func stated(in graph: Graph, hasScores: Bool) -> Graph {
    guard let logits = graph.output(GraphOutput.logits) else { return graph }
    let producers = graph.producers
    var (row, isBehindLinear) = (logits, false)
    while let producer = producers[row.index], let data = rowOperand(graph[producer], graph) {
      if case .linear = graph[producer].op { isBehindLinear = true }
      row = data
    }
    if isBehindLinear {
      return graph.replacing(graph.outputs + [GraphOutput(name: GraphOutput.features, value: row)])
    }
    guard !hasScores, isPooled(logits, graph, producers) else { return graph }
    return graph.replacing([GraphOutput(name: GraphOutput.features, value: logits)])
  }

  /// The row from which alone `node` makes a row; nil for any other node.
  private static func rowOperand(_ node: Node, _ graph: Graph) -> ValueID? {
    let data = node.operands.filter { graph[$0].type.batched }
    return data.count == 1 && graph[data[0]].type.dims.count == 1 ? data[0] : nil
  }

  /// Whether `value` is pooled of what an activation or a sum gives: the end of a trunk. What is pooled of a convolution
  /// itself is the score of each class.
  private static func isPooled(_ value: ValueID, _ graph: Graph, _ producers: [NodeID?]) -> Bool {
    var (value, hasPool) = (value, false)
    while let producer = producers[value.index] {
      let node = graph[producer]
      switch node.op.computation {
      case .flatten, .copy: break
      case .concat: break
      case .pool, .globalPool, .generalizedMean: hasPool = true
      case .sum, .elementwise:
        // Of two pools, or a factor of them; else the end of a block.
        if hasPool || graph[value].type.spatial != Extent(1, 1) { return hasPool }
      case .batchNorm, .product, .channelProduct, .convolution, .linear, .stridedSlice, .channelPad,
        .reflectPad,
        .softmax:
        return false
      }
      value = node.operands[0]
    }
    return false
  }
}

extension Graph {
  /// The same graph with other outputs.
  fileprivate func replacing(_ outputs: [GraphOutput]) -> Graph {
    Graph(
      name: name, values: values, inputs: inputs, constants: constants, nodes: nodes, outputs: outputs)
  }
}
