import FixresIR
import FixresPasses
import TestSupport
import Testing

/// What the default passes make of every kind of ResNet.
@Suite struct ResNetTests {
  struct Shape: Hashable, CustomStringConvertible {
    var relu = 0
    var residualRelu = 0
    var plain = 0
    var residual = 0
    var withoutBias = 0
    /// Nodes that are not convolutions, by mnemonic.
    var others: [String: Int] = [:]

    init(_ graph: Graph) {
      for node in graph.nodes {
        guard case .conv2d(let conv) = node.op else {
          others[node.op.mnemonic, default: 0] += 1
          continue
        }
        if !conv.hasBias { withoutBias += 1 }
        switch (conv.hasResidual, conv.activation) {
        case (false, .relu): relu += 1
        case (true, .relu): residualRelu += 1
        case (false, .none): plain += 1
        case (true, .none): residual += 1
        }
      }
    }

    init(_ relu: Int, _ residualRelu: Int, _ plain: Int, others: [String: Int]) {
      (self.relu, self.residualRelu, self.plain, self.others) = (relu, residualRelu, plain, others)
    }

    var description: String { "\(relu) \(residualRelu) \(plain) \(residual) \(withoutBias) \(others)" }
  }

  private static let head = ["globalAveragePool": 1, "flatten": 1, "linear": 1]
  private static func with(_ more: [String: Int]) -> [String: Int] {
    head.merging(more) { $0 + $1 }
  }

  /// Convolutions with ReLU, with residual and ReLU, with bias alone; the other nodes.
  @Test(arguments: [
    ("resnet18", Shape(9, 8, 3, others: with(["maxPool": 1]))),
    ("resnet34", Shape(17, 16, 3, others: with(["maxPool": 1]))),
    ("resnet50", Shape(33, 16, 4, others: with(["maxPool": 1]))),
    ("resnet101", Shape(67, 33, 4, others: with(["maxPool": 1]))),
    ("resnext50", Shape(33, 16, 4, others: with(["maxPool": 1]))),
    ("resnet50d", Shape(35, 16, 4, others: with(["maxPool": 1, "averagePool": 3]))),
    ("resnet20", Shape(10, 9, 0, others: with(["stridedSlice": 2, "channelPad": 2]))),
    // A gated block's sum goes to its projection; without one the sum stays.
    (
      "seresnet50",
      Shape(
        33 + 16, 4, 16 + 16,
        others: with([
          "maxPool": 1, "globalAveragePool": 16, "sigmoid": 16, "channelMultiply": 16, "add": 12, "relu": 12,
        ]))
    ),
    (
      "seresnet34",
      Shape(
        17 + 16, 3, 16 + 16,
        others: with([
          "maxPool": 1, "globalAveragePool": 16, "sigmoid": 16, "channelMultiply": 16, "add": 13, "relu": 13,
        ]))
    ),
  ]) func fusesEveryKind(name: String, expected: Shape) throws {
    let model = try Model.syntheticResNet(name, side: 64)
    var options = PassOptions()
    options.verifyEach = true
    let result = try Adapt.run(model, to: Extent(96, 65), options: options)
    #expect(Shape(result.model.graph) == expected)
    #expect(result.model.graph.constants.count == result.model.constants.count)
    #expect(try Adapt.run(result.model).passes.allSatisfy { $0.rewrites == 0 })
    // A fused node is called as the last value that it replaced.
    let values = Set(result.model.graph.nodes.map { result.model.graph[$0.result].name })
    let block = name == "resnet20" ? "layer3.2" : "layer4.1"
    #expect(values.isSuperset(of: ["relu", block + ".relu", "flatten", "fc"]))
    #expect(!values.contains(block + ".add") || name.hasPrefix("se"))
  }

  @Test(arguments: ["resnet18", "resnet50", "resnet50d", "seresnet34", "resnext50", "resnet20"])
  func keepsTheOutputs(name: String) throws {
    let model = try Model.syntheticResNet(name, side: 32, width: 4)
    for target in [Extent(32, 32), Extent(33, 47)] {
      let unfused = try Adapt.run(model, to: target, passes: ["retarget-resolution"]).model
      let fused = try Adapt.run(model, to: target).model
      PassPropertyTests.expectSame(
        try PassPropertyTests.outputs(unfused, seed: 3), try PassPropertyTests.outputs(fused, seed: 3),
        "\(name) at \(target)")
    }
  }

  /// As in torch, a ResNet runs at any size from 1, below 32 with a note.
  @Test(arguments: ["resnet18", "resnet50", "resnet50d", "resnet20"]) func runsAtAnySize(name: String) throws
  {
    let model = try Model.syntheticResNet(name, side: 32, width: 4)
    for side in [1, 2, 3, 7, 15, 16, 31] {
      let result = try Adapt.run(model, to: Extent(square: side))
      #expect(result.notes == [.smallResolution(Extent(square: side))])
      #expect(result.model.graph.resolution == Extent(square: side))
      // The way back is open: nothing has been simplified for the small size alone.
      let back = try Adapt.run(result.model, to: Extent(square: 32)).model
      let direct = try Adapt.run(model).model
      #expect(back.graph == direct.graph && back.constants == direct.constants)
    }
    let large = try Adapt.run(model, to: Extent(32768, 64)).model
    #expect(large.graph.resolution == Extent(32768, 64))
    for side in [0, -1, 32769, .max, .min] {
      let size = Extent(side, 64)
      #expect(throws: PassError.resolution(requested: size, maximum: 32768)) {
        try Adapt.run(model, to: size)
      }
    }
  }

  /// Side of the map that is pooled: five halvings, each rounded up.
  @Test(arguments: [
    (64, 2), (128, 4), (160, 5), (176, 6), (224, 7), (288, 9), (320, 10), (384, 12), (448, 14), (480, 15),
    (331, 11),
  ]) func pooledMapSide(side: Int, map: Int) throws {
    var network = try #require(SyntheticResNet.named("resnet50", width: 4))
    let graph = try network.build(name: "resnet50", size: Extent(square: side))
    let pool = try #require(graph.value(named: "avgpool"))
    let producer = try #require(graph.producers[pool.index])
    #expect(graph[graph[producer].operands[0]].type.spatial == Extent(square: map))
  }

  /// Multiply-accumulates as method.md F counts them, at the published width.
  @Test(arguments: [
    ("resnet50", 64, 0.336), ("resnet50", 128, 1.337), ("resnet50", 160, 2.087), ("resnet50", 224, 4.089),
    ("resnet50", 256, 5.340), ("resnet50", 288, 6.758), ("resnet50", 320, 8.343), ("resnet50", 384, 12.013),
    ("resnet50", 448, 16.351),
    ("resnet18", 224, 1.814), ("resnet18", 288, 2.998), ("resnet18", 384, 5.330),
  ]) func countsAsThePapersDo(name: String, side: Int, billions: Double) throws {
    guard var network = SyntheticResNet.named(name, width: 64) else {
      Issue.record("no \(name)")
      return
    }
    network.classes = 1000
    let graph = try network.build(name: name, size: Extent(square: side))
    #expect(abs(Double(graph.multiplyAccumulates) / 1e9 - billions) <= 0.00051)
  }
}
