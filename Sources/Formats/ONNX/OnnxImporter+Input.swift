import FixresBase
import FixresIR

/// What the graph does with the picture before the first convolution: arithmetic that normalises it, and an order of
/// channels. It stays in the graph; pictures then have to be given as its input wants them, not normalised before.
struct OnnxInputMap {
  /// `scale * x + shift` of each channel, in the order in which the picture is given.
  var scale: [Double]
  var shift: [Double]
  /// The picture's channel at each place of the value.
  var order: [Int]

  /// The picture itself.
  init(channels: Int) {
    scale = [Double](repeating: 1, count: channels)
    shift = [Double](repeating: 0, count: channels)
    order = Array(0..<channels)
  }

  /// The map, then `factor * x + summand` of each channel of the value.
  func followed(by factor: [Double], plus summand: [Double]) -> OnnxInputMap {
    var result = self
    for (place, channel) in order.enumerated() where place < factor.count && place < summand.count {
      result.scale[channel] = scale[channel] * factor[place]
      result.shift[channel] = shift[channel] * factor[place] + summand[place]
    }
    return result
  }

  /// The map, then channel `source[i]` at place i.
  func permuted(_ source: [Int]) -> OnnxInputMap {
    var result = self
    result.order = source.map { order[$0] }
    return result
  }

  /// What the graph states of its pictures; nil where it leaves that open: no arithmetic, or a batch norm of pictures
  /// that are normalised already.
  var statement: PictureStatement? {
    guard scale.allSatisfy({ $0 != 0 && $0.isFinite }), shift.allSatisfy(\.isFinite),
      self.scale.contains(where: { $0 != 1 }) || shift.contains(where: { $0 != 0 })
    else { return nil }
    let means = zip(scale, shift).map { -$1 / $0 }
    let deviations = scale.map { 1 / $0 }
    let (farthest, widest) = (means.map(abs).max() ?? 0, deviations.map(abs).max() ?? 1)
    let isByte = farthest > 1.5 || widest > 3
    if !isByte, farthest < 0.25, deviations.allSatisfy({ $0 > 0.5 }) { return nil }
    var result = PictureStatement(.program)
    result.inputScale = isByte ? .byte : .unit
    (result.mean, result.standardDeviation) = ([0], [1])
    if means.count == 3 { result.channelOrder = Self.channelOrder(means.map { isByte ? $0 / 255 : $0 }) }
    return result
  }

  /// The order of colours whose mean over ImageNet `means` are; nil where they are other numbers.
  private static func channelOrder(_ means: [Double]) -> Preprocessing.ChannelOrder? {
    let usual = Preprocessing.imageNet.mean.map(Double.init)
    func isClose(_ other: [Double]) -> Bool { zip(means, other).allSatisfy { abs($0 - $1) < 0.01 } }
    if isClose(usual) { return .rgb }
    return isClose(usual.reversed()) ? .bgr : nil
  }
}

extension OnnxImporter {
  /// Notes that `result` is `factor * x + summand` of each channel, where x is the picture or made of it so.
  mutating func recordInputArithmetic(
    _ result: ValueID, of x: ValueID, times factor: [Double], plus summand: [Double]
  ) {
    guard let map = inputMaps[x] else { return }
    let count = map.scale.count
    func each(_ values: [Double]) -> [Double] {
      values.count == 1 ? [Double](repeating: values[0], count: count) : values
    }
    inputMaps[result] = map.followed(by: each(factor), plus: each(summand))
  }

  /// Gather of all channels in another order; GatherND of them as the first axis.
  mutating func gatherChannels(_ node: OnnxNode) throws(FormatError) {
    let x = try activation(node, 0)
    let axis = try axisIndex(node.integer("axis", default: 0), of: x.axes.count, node)
    let isFirst = node.op == "Gather" || node.integer("batch_dims", default: 0) == 0 && axis == 0
    let indices = try constant(node, 1)
    // One index each: more would take single pixels.
    let isList =
      node.op == "Gather" ? indices.shape.count == 1 : indices.shape.last == 1 && indices.shape.count == 2
    guard x.axes[axis] == .channel, isFirst, isList else {
      throw fault(node, "channels in another order", "axis \(axis) of \(describe(x))")
    }
    let count = graph[x.value].type.channels
    let order = try knownNumbers(node, 1).map { (index) throws(FormatError) in
      try axisIndex(index, of: count, node)
    }
    try permuteChannels(x, order, node)
  }

  /// `x` with channel `order[i]` at place i, by a convolution with ones and zeros.
  mutating func permuteChannels(
    _ x: OnnxActivation, _ order: [Int], _ node: OnnxNode
  ) throws(FormatError) {
    let count = graph[x.value].type.channels
    guard graph[x.value].type.isImage, order.sorted() == Array(0..<count), count <= 1 << 10 else {
      throw fault(node, "all channels in another order", "\(order.prefix(9)) of \(count)")
    }
    var ones = [Float](repeating: 0, count: count * count)
    for (place, source) in order.enumerated() { ones[place * count + source] = 1 }
    let name = node.outputs[0]
    let weight = OnnxConstant(
      name: name + ".order", shape: [count, count, 1, 1],
      source: .floats(Tensor(shape: [count, count, 1, 1], ones)), isInteger: false)
    let bias = OnnxConstant(name: name + ".bias", shape: [count], source: .filled(0), isInteger: false)
    let operands = [x.value, try declare(weight, node, .weight), try declare(bias, node, .other)]
    let value = try append(.conv2d(.init(hasBias: true)), operands, node)
    inputMaps[value] = inputMaps[x.value]?.permuted(order)
    if nonNegative.contains(x.value) { nonNegative.insert(value) }
    try set(node, .activation(OnnxActivation(value: value, axes: x.axes)))
  }
}
