import FixresBase
import FixresFormats
import FixresIR

/// The layers and parameter counts that `inspect` and `import` show.
struct ModelSummary {
  struct Layer {
    let name: String
    let operation: String
    /// Kernel, stride, fused parts: what the operation's name leaves open.
    let details: String
    let type: TensorType
    let parameters: Int
    let macs: Int
  }

  let layers: [Layer]

  init(_ graph: Graph) {
    var claimed: Set<ValueID> = []
    let constants = Set(graph.constants)
    layers = graph.nodes.map { node in
      // A constant that several nodes read counts once, with the first.
      let own = node.operands.enumerated().filter { index, operand in
        constants.contains(operand) && claimed.insert(operand).inserted
          && ModelSummary.isTrained(node.op.definition.operandRoles[index])
      }
      return Layer(
        name: graph[node.result].name, operation: node.op.mnemonic,
        details: ModelSummary.details(node, graph),
        type: graph[node.result].type, parameters: own.reduce(0) { $0 + graph[$1.element].type.elementCount },
        macs: graph.multiplyAccumulates(of: node))
    }
  }

  /// Trained elements: weights, biases, gammas and betas, without running statistics, as PyTorch counts them.
  var parameters: Int { layers.reduce(0) { $0 + $1.parameters } }

  private static func isTrained(_ role: OperandRole) -> Bool { role != .mean && role != .variance }

  private static func details(_ node: Node, _ graph: Graph) -> String {
    switch node.op.computation {
    case .convolution(let conv):
      let weight = graph[node.operands[1]].type.dims
      var parts = ["\(weight[2])x\(weight[3])"]
      if conv.strides != Extent(1, 1) { parts.append("/\(conv.strides)") }
      if conv.isDilated { parts.append("dilation \(conv.dilations)") }
      if conv.groups > 1 { parts.append("groups \(conv.groups)") }
      if conv.hasBias { parts.append("+ bias") }
      if conv.hasResidual { parts.append("+ residual") }
      if conv.activation == .relu { parts.append("+ relu") }
      return parts.joined(separator: " ")
    case .pool(let window, _): return describe(window)
    case .generalizedMean(let pool): return "p \(pool.exponent)"
    case .copy, .elementwise, .batchNorm, .sum, .product, .channelProduct, .linear, .globalPool, .flatten,
      .stridedSlice, .channelPad, .concat, .reflectPad, .softmax:
      return ""
    }
  }

  private static func describe(_ window: Window) -> String {
    "\(window.kernel.height)x\(window.kernel.width)"
      + (window.strides == Extent(1, 1) ? "" : " /\(window.strides)")
  }

  /// Rows of a table: what is known of network and pictures with its source, then what is assumed with the option that
  /// states another value.
  static func factRows(_ metadata: ModelMetadata) -> [[String]] {
    let known = metadata.facts.filter { !$0.isAssumption }
    let assumed =
      metadata.facts.isEmpty ? metadata.assumptions : metadata.facts.filter(\.isAssumption).map(\.sentence)
    var rows: [[String]] = []
    for (index, fact) in known.enumerated() {
      rows.append([index == 0 ? "known" : "", "\(fact.name)=\(fact.value) (\(fact.source.rawValue))"])
    }
    for (index, sentence) in assumed.enumerated() {
      rows.append([index == 0 ? "assumed" : "", sentence])
    }
    return rows
  }

  /// The number of classes, or that there is no classifier.
  static func classes(_ model: Model) -> String {
    guard model.classCount == 0 else { return Text.grouped(model.classCount) }
    let count = model.graph.output(GraphOutput.features).map { model.graph[$0].type.elementCount } ?? 0
    return "none: the network ends in \(Text.grouped(count)) features"
  }
}
