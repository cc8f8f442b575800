import FixresBase
import FixresIR

/// Networks that no one would train: residuals to anything, values that nobody reads or that many read, one value twice.
struct RandomGraph {
  private var net: RandomNetwork
  private var images: [ValueID] = []
  private var random: SeededRandom

  /// A network of `count` operations beside its head, the same for the same seed.
  static func model(seed: UInt64, count: Int) throws -> Model {
    var graph = RandomGraph(seed: seed)
    return try graph.build(count)
  }

  private init(seed: UInt64) {
    net = RandomNetwork(seed: seed)
    random = SeededRandom(seed: seed ^ 0x5EED)
  }

  private mutating func pick<T>(_ values: [T]) -> T { values[random.nextInt(in: 0..<values.count)] }

  private mutating func build(_ count: Int) throws -> Model {
    let channels = pick([1, 3, 3, 4, 8, 20])
    let size = (random.nextInt(in: 4..<13), random.nextInt(in: 4..<13))
    images = [try net.builder.input("input", .image(channels, size.0, size.1))]
    for _ in 0..<count { try grow() }
    // Late values more often than early ones, so that most of the network is read.
    let last = images[max(0, images.count - 1 - random.nextInt(in: 0..<3))]
    let pooled = try net.append(.globalAveragePool(GlobalAveragePool()), [last])
    let features = try net.append(.flatten(Flatten()), [pooled])
    let logits = try net.linear(features, pick([1, 7, 16, 40]))
    try net.builder.output(GraphOutput.logits, logits)
    if pick([true, false]) { try net.builder.output(GraphOutput.features, features) }
    return try net.model()
  }

  /// A value of the type of `value`, itself among them.
  private mutating func alike(_ value: ValueID) -> ValueID {
    let type = net.builder[value].type
    return pick(images.filter { net.builder[$0].type == type })
  }

  private mutating func grow() throws {
    let x = pick(Array(images.suffix(5)) + [images[0]])
    let size = net.builder[x].type.spatial
    let made: ValueID
    switch random.nextInt(in: 0..<15) {
    case 0...4: made = try convolution(x)
    case 5: made = try net.append(.add(Add()), [x, alike(x)])
    case 6: made = try net.append(.multiply(Multiply()), [x, alike(x)])
    case 7: made = try net.append(pick([.relu(Relu()), .silu(Silu()), .identity(Identity())]), [x])
    case 8: made = try net.batchNorm(x)
    case 9:
      let others = images.filter { net.builder[$0].type.spatial == size }
      made = try net.append(.concat(Concat(count: 2)), [x, pick(others)])
    case 10:
      let gate = try net.append(.globalAveragePool(GlobalAveragePool()), [alike(x)])
      images.append(gate)
      made = try net.append(.channelMultiply(ChannelMultiply()), [x, gate])
    case 11 where size.height > 2 && size.width > 2:
      let window = Window(
        kernel: Extent(3, 3), strides: pick([Extent(1, 1), Extent(2, 2)]), padding: Padding(1))
      made = try net.append(
        pick([
          .maxPool(MaxPool(window: window)),
          .averagePool(AveragePool(window: window, countIncludePad: false)),
        ]), [x])
    case 12: made = try net.append(.channelPad(ChannelPad(before: pick([0, 3]), after: 2)), [x])
    case 13 where size.height > 1 && size.width > 1:
      made = try net.append(.reflectPad(ReflectPad(padding: Padding(1))), [x])
    case 14 where size.area > 4:
      made = try net.append(.stridedSlice(StridedSlice(strides: Extent(2, 2))), [x])
    default: made = try net.append(.leakyRelu(LeakyRelu(slope: 0.1)), [x])
    }
    // Bounds what a chain of concatenations and paddings grows to.
    if net.builder[made].type.channels <= 96, net.builder[made].type.spatial.area <= 600 {
      images.append(made)
    }
  }

  private mutating func convolution(_ x: ValueID) throws -> ValueID {
    let type = net.builder[x].type
    let kernel = pick([1, 1, 3, 3, 3, 5])
    let stride = pick([1, 1, 1, 2])
    let outputs = pick([type.channels, type.channels, 5, 16, 33])
    let padding = Padding(kernel / 2)
    let groups = outputs % type.channels == 0 && pick([true, false, false]) ? type.channels : 1
    let size = Extent((type.spatial.height - 1) / stride + 1, (type.spatial.width - 1) / stride + 1)
    let result = TensorType.image(outputs, size.height, size.width)
    let fitting = images.filter { net.builder[$0].type == result }
    return try net.convolution(
      x, outputs, kernel: Extent(kernel, kernel), strides: Extent(stride, stride), padding: padding,
      groups: groups, residual: fitting.isEmpty || pick([true, false, false]) ? nil : pick(fitting),
      relu: pick([true, false]))
  }
}
