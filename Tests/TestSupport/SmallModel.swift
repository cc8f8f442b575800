import FixresBase
import FixresIR

/// Small networks with seeded weights, made without any file.
package enum SmallModel {
  /// One residual block with batch norms: stem, two convolutions, a sum, pooled features and a classifier.
  package static func residual(side: Int = 32, channels: Int = 8, classes: Int = 5, seed: UInt64 = 1) throws
    -> Model
  {
    var maker = Maker(random: SeededRandom(seed: seed))
    let input = try maker.builder.input("input", .image(3, side, side))
    let stem = try maker.unit(input, "conv1", "bn1", inputs: 3, outputs: channels, stride: 2)
    let start = try maker.builder.append(.relu(Relu()), [stem], name: "relu")
    let first = try maker.unit(
      start, "layer1.0.conv1", "layer1.0.bn1", inputs: channels, outputs: channels, stride: 1)
    let middle = try maker.builder.append(.relu(Relu()), [first], name: "layer1.0.relu1")
    let second = try maker.unit(
      middle, "layer1.0.conv2", "layer1.0.bn2", inputs: channels, outputs: channels, stride: 1)
    let sum = try maker.builder.append(.add(Add()), [second, start], name: "layer1.0.add")
    let end = try maker.builder.append(.relu(Relu()), [sum], name: "layer1.0.relu2")
    let pool = try maker.builder.append(.globalAveragePool(GlobalAveragePool()), [end], name: "avgpool")
    let flat = try maker.builder.append(.flatten(Flatten()), [pool], name: "flatten")
    let weight = try maker.constant("fc.weight", [classes, channels], scale: 1)
    let bias = try maker.constant("fc.bias", [classes], scale: 0.1)
    let logits = try maker.builder.append(.linear(Linear(hasBias: true)), [flat, weight, bias], name: "fc")
    try maker.builder.output(GraphOutput.logits, logits)
    try maker.builder.output(GraphOutput.features, flat)
    let metadata = ModelMetadata(
      architecture: "small residual network", trainResolution: Extent(square: side),
      labels: (0..<classes).map { "class \($0)" }, source: "a test",
      history: [HistoryEntry("import", [.init("seed", "\(seed)")])])
    return try Model(graph: maker.builder.build(), constants: maker.constants, metadata: metadata)
  }

  private struct Maker {
    var random: SeededRandom
    var builder = GraphBuilder(name: "small")
    var constants = Constants()

    init(random: SeededRandom) { self.random = random }

    mutating func constant(
      _ name: String, _ shape: [Int], scale: Float, offset: Float = 0
    ) throws -> ValueID {
      let count = shape.reduce(1, *)
      constants[name] = Tensor(
        shape: shape, (0..<count).map { _ in offset + scale * Float(random.nextGaussian()) })
      return try builder.constant(name, shape: shape)
    }

    /// A 3x3 convolution and its batch norm.
    mutating func unit(
      _ x: ValueID, _ conv: String, _ norm: String, inputs: Int, outputs: Int, stride: Int
    ) throws -> ValueID {
      let weight = try constant("\(conv).weight", [outputs, inputs, 3, 3], scale: 0.3)
      let y = try builder.append(
        .conv2d(Conv2D(strides: Extent(square: stride), padding: Padding(1))), [x, weight], name: conv)
      let gamma = try constant("\(norm).weight", [outputs], scale: 0.1, offset: 1)
      let beta = try constant("\(norm).bias", [outputs], scale: 0.1)
      let mean = try constant("\(norm).running_mean", [outputs], scale: 0.1)
      let variance = try constant("\(norm).running_var", [outputs], scale: 0.05, offset: 1)
      return try builder.append(
        .batchNorm(BatchNorm(epsilon: 1e-5)), [y, gamma, beta, mean, variance], name: norm)
    }
  }
}
