import FixresBase
import FixresIR

/// Maps the pooled features at the test resolution onto their law at the training resolution, without labels
/// ("Fixing the train-test resolution discrepancy", appendix A).
package struct Equalisation: Hashable, Sendable {
  package let test: FrechetLaw
  package let reference: FrechetLaw

  package init(test: FrechetLaw, reference: FrechetLaw) { (self.test, self.reference) = (test, reference) }

  /// scale x + offset.
  package var map: (scale: Double, offset: Double) { test.map(to: reference) }

  /// Puts the map before the classifier as a node that leaves zeros alone and gives nothing below zero.
  package func insert(into model: inout Model) throws {
    let tail = try NetworkTail(model.graph)
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
    model.graph = rewriter.finish()
    model.metadata.history.append(history("equalize"))
  }

  /// Absorbs the map in the classifier, zeros and negative results included: W' = s W, c' = c + o sum(W).
  package func absorb(into model: inout Model) throws {
    let tail = try NetworkTail(model.graph).classifier
    guard let bias = tail.bias else { throw MethodError.noBias(layer: tail.weight) }
    let weights = model.values(tail.weight)
    var offsets = model.values(bias)
    for row in 0..<tail.classes {
      let sum = weights[row * tail.features..<(row + 1) * tail.features].reduce(0.0) { $0 + Double($1) }
      offsets[row] = Float(Double(offsets[row]) + map.offset * sum)
    }
    model.constants[tail.weight] = Tensor(
      shape: [tail.classes, tail.features], weights.map { Float(Double($0) * map.scale) })
    model.constants[bias] = Tensor(shape: [tail.classes], offsets)
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

/// Keeps the pooling statistics of training at a larger size: averages over windows of the training map, each
/// classified, then half the mean and half the maximum of the scores (timm's TestTimePoolHead).
package enum TestPool {
  /// Rewrites `model`, typed for the test resolution, whose training resolution is `train`.
  package static func apply(to model: inout Model, train: Extent) throws {
    let test = model.graph.resolution
    guard test.height >= train.height, test.width >= train.width, test != train else {
      throw MethodError.testPoolNeedsLarger(train: train, test: test)
    }
    let tail = try NetworkTail(model.graph).classifier
    let producers = model.graph.producers
    var pooled = tail.input
    while let producer = producers[pooled.index], model.graph[producer].op.keepsFeatures {
      pooled = model.graph[producer].operands[0]
    }
    guard let pool = producers[pooled.index], case .globalAveragePool = model.graph[pool].op else {
      throw MethodError.unusualTail(layer: model.graph[pooled].name)
    }
    let map = model.graph[pool].operands[0]
    let kernel = try mapSize(model.graph[map].name, model, at: train)
    try rewrite(&model, tail, map, kernel)
    model.metadata.preprocessing.cropShare = 1
    model.metadata.history.append(
      HistoryEntry("test-pool", [.init("kernel", "\(kernel)"), .init("resolution", "\(test)")]))
  }

  private static func mapSize(_ name: String, _ model: Model, at size: Extent) throws -> Extent {
    let trained = try Trunk.retargeted(model, to: size).graph
    guard let map = trained.value(named: name) else { throw MethodError.unusualTail(layer: name) }
    return trained[map].type.spatial
  }

  private static func rewrite(
    _ model: inout Model, _ tail: NetworkTail.Classifier, _ map: ValueID, _ kernel: Extent
  ) throws {
    guard let bias = tail.bias else { throw MethodError.noBias(layer: tail.weight) }
    var rewriter = Rewriter(model.graph)
    let name = rewriter[rewriter[tail.node].result].name
    let weight = try rewriter.addConstant(
      rewriter.freeName("\(name).half_weight"), shape: [tail.classes, tail.features, 1, 1])
    let half = try rewriter.addConstant(rewriter.freeName("\(name).half_bias"), shape: [tail.classes])
    // Half of the weights, so that mean + maximum is half the mean and half the maximum; a power of two is exact.
    model.constants[rewriter[weight].name] = Tensor(
      shape: [tail.classes, tail.features, 1, 1], model.values(tail.weight).map { $0 / 2 })
    model.constants[rewriter[half].name] = Tensor(
      shape: [tail.classes], model.values(bias).map { $0 / 2 })
    let window = Window(kernel: kernel, strides: Extent(1, 1))
    func insert(_ op: Op, _ operands: [ValueID], _ part: String) throws -> ValueID {
      try rewriter.insert(op, operands, name: rewriter.freeName("\(name).\(part)"))
    }
    let averages = try insert(
      .averagePool(.init(window: window, countIncludePad: false)), [map], "windows")
    let scores = try insert(.conv2d(.init(hasBias: true)), [averages, weight, half], "scores")
    let mean = try insert(.globalAveragePool(.init()), [scores], "mean")
    let maximum = try insert(.globalMaxPool(.init()), [scores], "maximum")
    let sum = try insert(.add(.init()), [mean, maximum], "sum")
    rewriter.setOutput(GraphOutput.logits, to: try insert(.flatten(.init()), [sum], "logits"))
    model.graph = rewriter.finish()
  }
}

extension Op {
  /// Whether the op hands rows of features on as they are, or makes a row of a map.
  fileprivate var keepsFeatures: Bool {
    switch self {
    case .flatten, .identity, .dropout: true
    default: false
    }
  }
}
