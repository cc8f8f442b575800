import FixresBase
import FixresIR

/// A classifier for other classes than those that the network was trained on.
enum NewHead {
  /// Gives `model` a classifier for `names` in place of its own, or of none, its parameters uniform over +-1/sqrt(F)
  /// as torch draws them.
  ///
  /// - Throws: `MethodError.noFeatures` where it has neither classifier nor pooled features, `model` where the graph is not
  ///   sound.
  static func install(in model: inout Model, _ names: [String], seed: UInt64) throws(MethodError) {
    if model.classCount == 0 {
      guard let features = model.graph.output(GraphOutput.features) else { throw .noFeatures }
      try MethodError.building { () throws(IRError) in try append(to: &model, on: features) }
    }
    let tail = try NetworkTail(model.graph).classifier
    try MethodError.building { () throws(IRError) in try replace(tail, of: &model, names, seed: seed) }
  }

  private static func replace(
    _ tail: NetworkTail.Classifier, of model: inout Model, _ names: [String], seed: UInt64
  ) throws(IRError) {
    var constants = model.constants
    var rewriter = Rewriter(model.graph)
    let old = rewriter[tail.node].operands
    let layer = rewriter[rewriter[tail.node].result].name
    let weight = try rewriter.addConstant(
      rewriter.freeName("\(layer).new_weight"), shape: [names.count, tail.features])
    let bias = try rewriter.addConstant(rewriter.freeName("\(layer).new_bias"), shape: [names.count])
    try rewriter.update(tail.node, op: .linear(.init(hasBias: true)), operands: [old[0], weight, bias])
    for (constant, successor) in zip(old.dropFirst(), [weight, bias]) {
      let name = rewriter[constant].name
      constants[name] = nil
      rewriter.erase(constant: constant)
      try rewriter.rename(successor, to: name)
    }
    try retype(after: tail.node, &rewriter)
    var random = SeededRandom(seed: seed ^ 0x6865_6164)
    let bound = 1 / Float(tail.features).squareRoot()
    func drawn(_ count: Int) -> [Float] { (0..<count).map { _ in (2 * random.nextFloat() - 1) * bound } }
    constants[rewriter[weight].name] = Tensor(
      shape: [names.count, tail.features], drawn(names.count * tail.features))
    constants[rewriter[bias].name] = Tensor(shape: [names.count], drawn(names.count))
    model = try model.replacing(graph: rewriter.finish(), constants: constants)
    model.metadata.labels = names
    model.metadata.synsets = []
    model.metadata.outputs = .logits
  }

  /// A classifier of one class on the pooled features of a network that ends in them, for `install` to replace.
  private static func append(to model: inout Model, on features: ValueID) throws(IRError) {
    let count = model.graph[features].type.elementCount
    var constants = model.constants
    var rewriter = Rewriter(model.graph)
    let weight = try rewriter.addConstant(rewriter.freeName("fc.weight"), shape: [1, count])
    let bias = try rewriter.addConstant(rewriter.freeName("fc.bias"), shape: [1])
    constants[rewriter[weight].name] = Tensor(shape: [1, count], [Float](repeating: 0, count: count))
    constants[rewriter[bias].name] = Tensor(shape: [1], [0])
    let name = rewriter.freeName("fc")
    _ = try rewriter.insert(.linear(.init(hasBias: true)), [features, weight, bias], name: name)
    var graph = rewriter.finish()
    // The values were renumbered; their names stayed.
    if let logits = graph.value(named: name) { graph = Trunk.giving(logits, as: GraphOutput.logits, graph) }
    model = try model.replacing(graph: graph, constants: constants)
  }

  /// Infers the types after the classifier anew for its new length.
  private static func retype(after classifier: NodeID, _ rewriter: inout Rewriter) throws(IRError) {
    guard let index = rewriter.nodeIDs.firstIndex(of: classifier) else { return }
    for node in rewriter.nodeIDs[(index + 1)...] {
      try rewriter.update(node, op: rewriter[node].op, operands: rewriter[node].operands)
    }
  }
}
