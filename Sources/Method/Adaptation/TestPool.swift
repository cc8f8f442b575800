import FixresIR

/// Keeps the pooling statistics of training at a larger size: averages over windows of the training map, each
/// classified, then half the mean and half the maximum of the scores (timm's TestTimePoolHead).
package enum TestPool {
  /// Rewrites `model`, typed for the test resolution, whose training resolution is `train`.
  ///
  /// - Throws: `MethodError.testPoolNeedsLarger`, `noClassifier`, `unusualTail`, `noBias`, and `pass` or `model` where the
  ///   network can't be rewritten.
  package static func apply(to model: inout Model, train: Extent) throws(MethodError) {
    let test = model.graph.resolution
    guard test.height >= train.height, test.width >= train.width, test != train else {
      throw MethodError.testPoolNeedsLarger(train: train, test: test)
    }
    let tail = try NetworkTail(model.graph).classifier
    let map = try pooledMap(model.graph, tail)
    let kernel = try mapSize(model.graph[map].name, model, at: train)
    guard let bias = tail.bias else { throw MethodError.noBias(layer: tail.weight) }
    do {
      model = try rewritten(model, tail, bias: bias, map: map, kernel: kernel)
    } catch {
      throw .model(error)
    }
    model.metadata.preprocessing.cropShare = 1
    model.forgetReferences()
    model.metadata.history.append(
      HistoryEntry("test-pool", [.init("kernel", "\(kernel)"), .init("resolution", "\(test)")]))
  }

  /// The map whose global average the classifier reads.
  private static func pooledMap(
    _ graph: Graph, _ tail: NetworkTail.Classifier
  ) throws(MethodError) -> ValueID {
    let producers = graph.producers
    var pooled = tail.input
    while let producer = producers[pooled.index], graph[producer].op.keepsFeatures {
      pooled = graph[producer].operands[0]
    }
    guard let pool = producers[pooled.index], case .globalAveragePool = graph[pool].op else {
      throw MethodError.unusualTail(layer: graph[pooled].name)
    }
    return graph[pool].operands[0]
  }

  private static func mapSize(
    _ name: String, _ model: Model, at size: Extent
  ) throws(MethodError) -> Extent {
    let trained: Graph
    do { trained = try Trunk.retargeted(model, to: size).graph } catch { throw .pass(error) }
    guard let map = trained.value(named: name) else { throw MethodError.unusualTail(layer: name) }
    return trained[map].type.spatial
  }

  private static func rewritten(
    _ model: Model, _ tail: NetworkTail.Classifier, bias: String, map: ValueID, kernel: Extent
  ) throws(IRError) -> Model {
    var rewriter = Rewriter(model.graph)
    var constants = model.constants
    let name = rewriter[rewriter[tail.node].result].name
    let weight = try rewriter.addConstant(
      rewriter.freeName("\(name).half_weight"), shape: [tail.classes, tail.features, 1, 1])
    let half = try rewriter.addConstant(rewriter.freeName("\(name).half_bias"), shape: [tail.classes])
    // Half of the weights, so that mean + maximum is half the mean and half the maximum; a power of two is exact.
    constants[rewriter[weight].name] = Tensor(
      shape: [tail.classes, tail.features, 1, 1], model.values(tail.weight).map { $0 / 2 })
    constants[rewriter[half].name] = Tensor(shape: [tail.classes], model.values(bias).map { $0 / 2 })
    let window = Window(kernel: kernel, strides: Extent(1, 1))
    func insert(_ op: Op, _ operands: [ValueID], _ part: String) throws(IRError) -> ValueID {
      try rewriter.insert(op, operands, name: rewriter.freeName("\(name).\(part)"))
    }
    let averages = try insert(
      .averagePool(.init(window: window, countIncludePad: false)), [map], "windows")
    let scores = try insert(.conv2d(.init(hasBias: true)), [averages, weight, half], "scores")
    let mean = try insert(.globalAveragePool(.init()), [scores], "mean")
    let maximum = try insert(.globalMaxPool(.init()), [scores], "maximum")
    let sum = try insert(.add(.init()), [mean, maximum], "sum")
    rewriter.setOutput(GraphOutput.logits, to: try insert(.flatten(.init()), [sum], "logits"))
    return try model.replacing(graph: rewriter.finish(), constants: constants)
  }
}

extension Op {
  /// Whether the op hands rows of features on as they are, or makes a row of a map.
  fileprivate var keepsFeatures: Bool {
    switch computation {
    case .flatten, .copy: true
    case .elementwise, .batchNorm, .sum, .product, .channelProduct, .convolution, .linear, .pool, .globalPool,
      .generalizedMean, .stridedSlice, .channelPad, .concat, .reflectPad, .softmax:
      false
    }
  }
}
