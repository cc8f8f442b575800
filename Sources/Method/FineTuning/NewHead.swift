import FixresBase
import FixresIR

/// A classifier for other classes than those that the network was trained on.
enum NewHead {
  /// Replaces the classifier of `model` by one for `names`, its parameters uniform over +-1/sqrt(F) as torch draws
  /// them.
  static func install(in model: inout Model, _ names: [String], seed: UInt64) throws {
    let tail = try NetworkTail(model.graph).classifier
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

  /// Infers the types after the classifier anew for its new length.
  private static func retype(after classifier: NodeID, _ rewriter: inout Rewriter) throws(IRError) {
    guard let index = rewriter.nodeIDs.firstIndex(of: classifier) else { return }
    for node in rewriter.nodeIDs[(index + 1)...] {
      try rewriter.update(node, op: rewriter[node].op, operands: rewriter[node].operands)
    }
  }
}
