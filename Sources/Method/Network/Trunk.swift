import FixresIR
import FixresPasses

/// Parts of a network made ready to run by themselves.
package enum Trunk {
  /// `model` at `size` (nil: its own) as `adapt` makes it: folded and fused, unless there is nothing to do.
  ///
  /// - Throws: What the passes refuse.
  package static func ready(_ model: Model, at size: Extent? = nil) throws(PassError) -> Model {
    try rewritten(model, at: size)?.model ?? model
  }

  /// As `ready`, with what the passes did; nil where there is nothing to do.
  ///
  /// - Throws: What the passes refuse.
  package static func rewritten(_ model: Model, at size: Extent? = nil) throws(PassError) -> AdaptResult? {
    guard hasBatchNorms(model) || (size != nil && size != model.graph.resolution) else { return nil }
    return try Adapt.run(model, to: size)
  }

  /// Whether `model` computes batch norms that are not folded.
  package static func hasBatchNorms(_ model: Model) -> Bool {
    let producers = model.graph.producers
    return model.graph.nodes.contains { node in
      guard case .batchNorm = node.op, model.graph[node.result].type.isImage else { return false }
      // Arithmetic on the picture itself stays where it is.
      var value = node.operands[0]
      while let producer = producers[value.index], model.graph[producer].op.isArithmetic {
        value = model.graph[producer].operands[0]
      }
      return producers[value.index] != nil
    }
  }

  /// `model` typed for `size`, its batch norms as they are.
  ///
  /// - Throws: What retargeting refuses.
  package static func retargeted(_ model: Model, to size: Extent) throws(PassError) -> Model {
    var driver = PassDriver()
    return try driver.run([RetargetResolution(to: size)], on: model)
  }

  /// `model` with the row that its classifier reads given as features: behind a neck or hidden layers that is not the
  /// pooled row.
  ///
  /// - Throws: `MethodError.noClassifier`, or `model` where the graph is not sound.
  package static func givingClassifierInput(_ model: Model) throws(MethodError) -> Model {
    let input = try NetworkTail(model.graph).classifier.input
    guard model.graph.output(GraphOutput.features) != input else { return model }
    do {
      return try model.replacing(
        graph: giving(input, as: GraphOutput.features, model.graph), constants: model.constants)
    } catch {
      throw .model(error)
    }
  }

  /// `graph` with `value` as its output `name`, logits before features.
  static func giving(_ value: ValueID, as name: String, _ graph: Graph) -> Graph {
    var outputs = graph.outputs.filter { $0.name != name }
    outputs.insert(
      GraphOutput(name: name, value: value), at: name == GraphOutput.logits ? 0 : outputs.count)
    return Graph(
      name: graph.name, values: graph.values, inputs: graph.inputs, constants: graph.constants,
      nodes: graph.nodes, outputs: outputs)
  }

  /// The part of `model` that `first` and `second` depend on, folded and fused: `first` is given as logits,
  /// `second` as features, both as rows of `[C, H, W]`.
  ///
  /// - Throws: `MethodError.model` where the part is not sound, `pass` where a pass refuses it.
  package static func upTo(
    _ first: ValueID, _ second: ValueID? = nil, of model: Model
  ) throws(MethodError) -> Model {
    let part: Model
    do {
      part = try Model(
        graph: graph(model.graph, first, second), constants: model.constants, metadata: model.metadata)
    } catch {
      throw .model(error)
    }
    do {
      var driver = PassDriver()
      return try driver.run([EliminateDeadNodes()] + Pipeline().passes, on: part)
    } catch {
      throw .pass(error)
    }
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

extension Op {
  /// Whether the op changes each number of a channel in the same way.
  fileprivate var isArithmetic: Bool {
    switch computation {
    case .copy, .elementwise, .batchNorm: true
    case .sum, .product, .channelProduct, .convolution, .linear, .pool, .globalPool, .generalizedMean,
      .flatten,
      .stridedSlice, .channelPad, .concat, .reflectPad, .softmax:
      false
    }
  }
}
