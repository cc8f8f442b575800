import FixresIR
import FixresPasses

/// Parts of a network made ready to run by themselves.
package enum Trunk {
  /// `model` at `size` (nil: its own) as `adapt` makes it: folded and fused, unless there is nothing to do.
  package static func ready(_ model: Model, at size: Extent? = nil) throws(PassError) -> Model {
    let hasBatchNorms = model.graph.nodes.contains { if case .batchNorm = $0.op { true } else { false } }
    guard hasBatchNorms || (size != nil && size != model.graph.resolution) else { return model }
    return try Adapt.run(model, to: size).model
  }

  /// `model` typed for `size`, its batch norms as they are.
  package static func retargeted(_ model: Model, to size: Extent) throws(PassError) -> Model {
    var driver = PassDriver()
    return try driver.run([RetargetResolution(to: size)], on: model)
  }

  /// The part of `model` that `first` and `second` depend on, folded and fused: `first` is given as logits,
  /// `second` as features, both as rows of `[C, H, W]`.
  package static func upTo(
    _ first: ValueID, _ second: ValueID? = nil, of model: Model
  ) throws(PassError) -> Model {
    let cut: Graph
    do { cut = try graph(model.graph, first, second) } catch { throw .unsoundModel(error) }
    var part = Model(graph: cut, constants: model.constants, metadata: model.metadata)
    var driver = PassDriver()
    part = try driver.run([EliminateDeadNodes()], on: part)
    return try driver.run(Pipeline().passes, on: part)
  }

  private static func graph(_ graph: Graph, _ first: ValueID, _ second: ValueID?) throws(IRError) -> Graph {
    var rewriter = Rewriter(graph)
    var outputs = [(GraphOutput.logits, try row(first, &rewriter))]
    if let second { outputs.append((GraphOutput.features, try row(second, &rewriter))) }
    let names = outputs.map { rewriter[$0.1].name }
    let edited = rewriter.finish()
    // The values were renumbered; their names stayed.
    let placed = zip(outputs, names).compactMap { output, name in
      edited.value(named: name).map { GraphOutput(name: output.0, value: $0) }
    }
    return Graph(
      name: edited.name, values: edited.values, inputs: edited.inputs, constants: edited.constants,
      nodes: edited.nodes, outputs: placed)
  }

  private static func row(_ value: ValueID, _ rewriter: inout Rewriter) throws(IRError) -> ValueID {
    let name = rewriter.freeName(rewriter[value].name + ".row")
    return try rewriter.insert(.flatten(.init()), [value], name: name)
  }
}

extension Model {
  /// The constant `name` as an array; empty where there is none.
  package func values(_ name: String) -> [Float] { constants[name]?.floats ?? [] }

  /// Statistics that the batch norm `norm` holds.
  package func statistics(of norm: NetworkTail.Norm) -> BatchNormStatistics {
    BatchNormStatistics(mean: values(norm.mean), variance: values(norm.variance))
  }

  /// Gives the batch norm `norm` other statistics.
  package mutating func set(_ statistics: BatchNormStatistics, of norm: NetworkTail.Norm) {
    constants[norm.mean] = Tensor(shape: [norm.channels], statistics.mean)
    constants[norm.variance] = Tensor(shape: [norm.channels], statistics.variance)
  }
}
