import FixresIR

/// The end of a network: its last batch norm, the pooled features and the classifier.
package struct NetworkTail: Hashable, Sendable {
  /// The linear layer that gives the logits.
  package struct Classifier: Hashable, Sendable {
    /// The layer's node.
    package let node: NodeID
    /// What the linear layer reads, `[N, F]`.
    package let input: ValueID
    /// The name of its weight, `[classes, features]`.
    package let weight: String
    /// The name of its bias, `[classes]`; nil without one.
    package let bias: String?
    /// Number of classes.
    package let classes: Int
    /// Number of features.
    package let features: Int
  }

  /// A batch norm of the network.
  package struct Norm: Hashable, Sendable {
    /// The batch norm's node.
    package let node: NodeID
    /// The name of its result.
    package let name: String
    /// What it reads, `[N, C, H, W]`.
    package let input: ValueID
    /// What is added to a variance.
    package let epsilon: Double
    /// Number of channels.
    package let channels: Int
    /// Positions of the map, height times width.
    package let positions: Int
    /// Names of the constants.
    package let scale, shift, mean, variance: String
  }

  /// The linear layer that gives the logits.
  package let classifier: Classifier
  /// nil where the network has no batch norm (any more).
  package let norm: Norm?
  /// What is added to the last batch norm; nil where that is not followed by sum, ReLU and global average alone.
  package let shortcut: ValueID?

  /// The tail of `graph`.
  ///
  /// - Throws: `MethodError.noClassifier` where the logits do not come from a linear layer.
  package init(_ graph: Graph) throws(MethodError) {
    let producers = graph.producers
    classifier = try Self.classifier(graph, producers)
    let (main, shortcut) = Self.lastBlock(before: classifier.input, graph, producers)
    if let main {
      norm = Self.norm(main, graph)
      self.shortcut = shortcut
    } else {
      norm = Self.norms(graph).last
      self.shortcut = nil
    }
  }

  /// Every batch norm in execution order.
  package static func norms(_ graph: Graph) -> [Norm] { graph.nodeIDs.compactMap { norm($0, graph) } }

  private static func norm(_ id: NodeID, _ graph: Graph) -> Norm? {
    let node = graph[id]
    guard case .batchNorm(let op) = node.op else { return nil }
    let type = graph[node.operands[0]].type
    // One on rows, as a neck before the classifier has, is none of the trunk's maps.
    // Without an epsilon it is a plain product and sum, whose statistics no picture gave.
    guard type.isImage, op.epsilon > 0 else { return nil }
    return Norm(
      node: id, name: graph[node.result].name, input: node.operands[0], epsilon: op.epsilon,
      channels: type.channels, positions: type.spatial.area, scale: graph[node.operands[1]].name,
      shift: graph[node.operands[2]].name, mean: graph[node.operands[3]].name,
      variance: graph[node.operands[4]].name)
  }

  private static func classifier(_ graph: Graph, _ producers: [NodeID?]) throws(MethodError) -> Classifier {
    var value = graph.output(GraphOutput.logits)
    while let here = value, let producer = producers[here.index] {
      let node = graph[producer]
      switch node.op.computation {
      case .copy: value = node.operands[0]
      case .linear(let linear):
        let shape = graph[node.operands[1]].type.dims
        return Classifier(
          node: producer, input: node.operands[0], weight: graph[node.operands[1]].name,
          bias: linear.hasBias ? graph[node.operands[2]].name : nil, classes: shape[0], features: shape[1])
      case .elementwise, .batchNorm, .sum, .product, .channelProduct, .convolution, .pool, .globalPool,
        .generalizedMean, .flatten, .stridedSlice, .channelPad, .concat, .reflectPad, .softmax:
        throw .noClassifier(layer: "\(graph[here].name) (\(node.op.mnemonic))")
      }
    }
    throw .noClassifier(layer: value.map { graph[$0].name } ?? "nothing")
  }

  /// The batch norm of the last block's main path and, where nothing but sum, ReLU and average follow, the shortcut.
  private static func lastBlock(
    before features: ValueID, _ graph: Graph, _ producers: [NodeID?]
  ) -> (norm: NodeID?, shortcut: ValueID?) {
    var value = features
    var isPlain = true
    var rectified = false
    while let producer = producers[value.index] {
      let node = graph[producer]
      switch node.op.computation {
      case .flatten, .globalPool(.mean), .copy: break
      case .elementwise:
        if case .relu = node.op { rectified = true } else { isPlain = false }
      case .batchNorm where graph[node.result].type.isImage: return (producer, nil)
      case .batchNorm: isPlain = false
      case .sum:
        for (index, operand) in node.operands.enumerated() {
          guard let found = mainNorm(of: operand, graph, producers) else { continue }
          let other = node.operands[1 - index]
          return (found.norm, isPlain && rectified && found.isDirect ? other : nil)
        }
        return (nil, nil)
      case .product, .channelProduct, .convolution, .linear, .pool, .globalPool(.maximum), .generalizedMean,
        .stridedSlice, .channelPad, .concat, .reflectPad, .softmax:
        return (nil, nil)
      }
      value = node.operands[0]
    }
    return (nil, nil)
  }

  /// The batch norm behind `value`, through a squeeze-and-excitation gate at most.
  private static func mainNorm(
    of value: ValueID, _ graph: Graph, _ producers: [NodeID?]
  ) -> (norm: NodeID, isDirect: Bool)? {
    var value = value
    var isDirect = true
    while let producer = producers[value.index] {
      let node = graph[producer]
      switch node.op.computation {
      case .copy: break
      case .channelProduct: isDirect = false
      case .batchNorm: return (producer, isDirect)
      case .elementwise, .sum, .product, .convolution, .linear, .pool, .globalPool, .generalizedMean,
        .flatten,
        .stridedSlice, .channelPad, .concat, .reflectPad, .softmax:
        return nil
      }
      value = node.operands[0]
    }
    return nil
  }
}
