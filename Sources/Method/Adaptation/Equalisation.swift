import FixresBase
import FixresIR

/// Maps the pooled features at the test resolution onto their law at the training resolution, without labels
/// ("Fixing the train-test resolution discrepancy", appendix A).
package struct Equalisation: Hashable, Sendable {
  /// The law of the features at the test resolution.
  package let test: FrechetLaw
  /// The law of the features at the training resolution.
  package let reference: FrechetLaw

  /// The map from `test` onto `reference`.
  package init(test: FrechetLaw, reference: FrechetLaw) { (self.test, self.reference) = (test, reference) }

  /// scale x + offset.
  package var map: (scale: Double, offset: Double) { test.map(to: reference) }

  /// Inserts the map before the classifier as a node that leaves zeros alone and gives nothing below zero.
  ///
  /// - Throws: `MethodError.noClassifier`, or `model` where the graph refuses the node.
  package func insert(into model: inout Model) throws(MethodError) {
    let tail = try NetworkTail(model.graph)
    do { model = try inserted(into: model, tail) } catch { throw .model(error) }
    model.forgetReferences()
    model.metadata.history.append(history("equalize"))
  }

  private func inserted(into model: Model, _ tail: NetworkTail) throws(IRError) -> Model {
    var rewriter = Rewriter(model.graph)
    let op = ScalarAffineClamp(scale: Float(map.scale), offset: Float(map.offset))
    let name = rewriter.freeName("equalize")
    let mapped = try rewriter.insert(
      .scalarAffineClamp(op), [tail.classifier.input], name: name, before: tail.classifier.node)
    let linear = rewriter[tail.classifier.node]
    try rewriter.update(
      tail.classifier.node, op: linear.op, operands: [mapped] + linear.operands.dropFirst())
    // Features are what the classifier reads.
    rewriter.setOutput(GraphOutput.features, to: mapped)
    return try model.replacing(graph: rewriter.finish(), constants: model.constants)
  }

  /// Absorbs the map in the classifier, zeros and negative results included: W' = s W, c' = c + o sum(W).
  ///
  /// - Throws: `MethodError.noClassifier` or `noBias`.
  package func absorb(into model: inout Model) throws(MethodError) {
    let tail = try NetworkTail(model.graph).classifier
    guard let bias = tail.bias else { throw MethodError.noBias(layer: tail.weight) }
    let weights = model.values(tail.weight)
    var offsets = model.values(bias)
    for row in 0..<tail.classes {
      let sum = weights[row * tail.features..<(row + 1) * tail.features].reduce(0.0) { $0 + Double($1) }
      offsets[row] = Float(Double(offsets[row]) + map.offset * sum)
    }
    let scaled = weights.map { Float(Double($0) * map.scale) }
    do {
      try model.setConstant(tail.weight, to: Tensor(shape: [tail.classes, tail.features], scaled))
      try model.setConstant(bias, to: Tensor(shape: [tail.classes], offsets))
    } catch {
      throw .model(error)
    }
    model.forgetReferences()
    model.metadata.history.append(history("equalize-linear"))
  }

  private func history(_ action: String) -> HistoryEntry {
    HistoryEntry(
      action,
      [
        .init("mu_test", "\(test.mu)"), .init("sigma_test", "\(test.sigma)"),
        .init("mu_train", "\(reference.mu)"), .init("sigma_train", "\(reference.sigma)"),
        .init("scale", "\(map.scale)"), .init("offset", "\(map.offset)"),
      ])
  }
}
