import FixresIR
import FixresRuntime

/// The reference's values with a bound of what float32 arithmetic in any order may make of them.
///
/// A running error analysis (Higham 2002, "Accuracy and Stability of Numerical Algorithms", sections 3.1 and 3.3): a sum of
/// n products differs by at most `(n + c) u` times the sum of their absolute values, u = 2^-24, plus what the operands'
/// own errors become. Convolutions that Winograd's algorithm may compute get the bound of its transforms, which mix the
/// pixels of a tile.
struct ErrorBound {
  /// A value of the graph, and how far each element may be from it.
  struct Bounded {
    var value: ReferenceValue
    var error: ReferenceValue
    /// False where all errors are 0.
    var isRounded: Bool
  }

  private static let unit: Float = 0x1p-24
  /// What Winograd's transforms of 4x4 tiles may make of a rounding, as a factor of the unit.
  private static let winogradGrowth: Float = 256

  private(set) var outputs: [String: Bounded] = [:]
  /// Whether a value on the way is NaN or infinite. An engine may then give NaN where the reference does not (0 times NaN
  /// in a padded channel), which every reader of results refuses; a finite number that is wrong remains a fault.
  private(set) var meetsNonFinite = false

  /// Runs `model` on `input` `[batch, C, H, W]`; nil where a value has no bound.
  init?(_ model: Model, input: [Float], batch: Int) {
    let graph = model.graph
    guard let first = graph.inputs.first else { return nil }
    var slots = [Bounded?](repeating: nil, count: graph.values.count)
    slots[first.index] = Self.exact(ReferenceValue(dims: [batch] + graph[first].type.dims, elements: input))
    for constant in graph.constants {
      guard let tensor = model.constants[graph[constant].name] else { return nil }
      slots[constant.index] = Self.exact(ReferenceValue(dims: tensor.shape, elements: tensor.floats))
    }
    for node in graph.nodes {
      let operands = node.operands.compactMap { slots[$0.index] }
      guard operands.count == node.operands.count else { return nil }
      let batched = graph[node.result].type.batched
      let value = ReferenceInterpreter.evaluate(node.op, operands.map(\.value), batched: batched)
      guard let error = Self.error(node.op, operands, of: value, batched) else { return nil }
      meetsNonFinite = meetsNonFinite || !value.elements.allSatisfy(\.isFinite)
      slots[node.result.index] = Bounded(value: value, error: error, isRounded: true)
    }
    for output in graph.outputs { outputs[output.name] = slots[output.value.index] }
  }

  private static func exact(_ value: ReferenceValue) -> Bounded {
    Bounded(value: value, error: ReferenceValue(dims: value.dims), isRounded: false)
  }

  // MARK: Comparison

  /// The first element of `found` that lies beyond the bound of the output `name`; nil where there is none.
  func fault(in found: [Float], of name: String) -> String? {
    guard let output = outputs[name] else { return nil }
    guard found.count == output.value.elements.count else {
      return "\(name) has \(found.count) elements, not \(output.value.elements.count)"
    }
    for index in found.indices {
      let (expected, error) = (output.value.elements[index], output.error.elements[index])
      guard expected.isFinite, error.isFinite else { continue }
      if meetsNonFinite, !found[index].isFinite { continue }
      if !(abs(found[index] - expected) <= 2 * error + 1e-30) {
        return "\(name)[\(index)] is \(found[index]), not \(expected) within \(2 * error)"
      }
    }
    return nil
  }

  /// What is different between the outputs of two graphs that should compute the same.
  func fault(against other: ErrorBound) -> String? {
    for (name, output) in outputs.sorted(by: { $0.key < $1.key }) {
      guard let found = other.outputs[name] else { return "\(name) is gone" }
      var widened = self
      var bound = output
      for index in bound.error.elements.indices where index < found.error.elements.count {
        bound.error.elements[index] += found.error.elements[index]
      }
      widened.outputs[name] = bound
      if let fault = widened.fault(in: found.value.elements, of: name) { return fault }
    }
    return nil
  }

  /// The greatest bound of an output beside its greatest element.
  var relativeBound: Float {
    outputs.values.map { output in
      let magnitude = output.value.elements.reduce(0) { max($0, abs($1)) }
      return output.error.elements.reduce(0, max) / max(magnitude, 1e-30)
    }.max() ?? 0
  }

  // MARK: Operations

  private static func absolute(_ value: ReferenceValue) -> ReferenceValue {
    ReferenceValue(dims: value.dims, elements: value.elements.map(abs))
  }

  private static func combined(
    _ a: ReferenceValue, _ b: ReferenceValue, _ body: (Float, Float) -> Float
  ) -> ReferenceValue {
    ReferenceValue(dims: a.dims, elements: zip(a.elements, b.elements).map(body))
  }

  private static func error(
    _ op: Op, _ operands: [Bounded], of value: ReferenceValue, _ batched: Bool
  ) -> ReferenceValue? {
    let x = operands[0]
    func moved(_ op: Op) -> ReferenceValue {
      ReferenceInterpreter.evaluate(op, operands.map(\.error), batched: batched)
    }
    func rounded(_ error: ReferenceValue, _ count: Float) -> ReferenceValue {
      combined(error, value) { $0 + count * unit * abs($1) }
    }
    switch op.computation {
    case .copy, .concat, .flatten, .stridedSlice, .channelPad, .reflectPad: return moved(op)
    case .pool(_, .maximum), .globalPool(.maximum): return moved(op)
    case .pool(let window, .mean): return mean(op, x, count: Float(window.kernel.area), batched)
    case .globalPool(.mean):
      return mean(op, x, count: Float(x.value.dims.dropFirst(2).reduce(1, *)), batched)
    case .generalizedMean:
      return rounded(ReferenceInterpreter.evaluate(.globalMaxPool(.init()), [x.error], batched: batched), 512)
    case .sum: return rounded(combined(x.error, operands[1].error, +), 2)
    case .product, .channelProduct:
      let (a, b) = (absolute(x.value), absolute(operands[1].value))
      let first = ReferenceInterpreter.evaluate(op, [a, operands[1].error], batched: batched)
      let second = ReferenceInterpreter.evaluate(
        op, [x.error, combined(b, operands[1].error, +)], batched: batched)
      return rounded(combined(first, second, +), 2)
    case .elementwise: return elementwise(op, x, value)
    case .batchNorm(let norm): return batchNorm(norm, operands, value)
    case .convolution(let convolution): return Self.convolution(convolution, operands, batched)
    case .linear: return linear(op, operands, batched)
    case .softmax(let isLogarithm): return softmax(x, value, isLogarithm: isLogarithm)
    }
  }

  private static func mean(_ op: Op, _ x: Bounded, count: Float, _ batched: Bool) -> ReferenceValue {
    let moved = ReferenceInterpreter.evaluate(op, [x.error], batched: batched)
    let magnitude = ReferenceInterpreter.evaluate(op, [absolute(x.value)], batched: batched)
    return combined(moved, magnitude) { $0 + (count + 4) * unit * $1 }
  }

  /// No slope of a formula exceeds 1.5 but where it has a factor.
  private static func slope(_ op: Op) -> Float {
    if case .scalarAffine(let op) = op { return max(1.5, abs(op.scale)) }
    if case .scalarAffineClamp(let op) = op { return max(1.5, abs(op.scale)) }
    if case .leakyRelu(let op) = op { return max(1.5, abs(op.slope)) }
    return 1.5
  }

  private static func elementwise(_ op: Op, _ x: Bounded, _ value: ReferenceValue) -> ReferenceValue {
    let slope = slope(op)
    var error = x.error
    for index in error.elements.indices {
      let magnitude = 1 + slope * abs(x.value.elements[index]) + abs(value.elements[index])
      error.elements[index] = slope * error.elements[index] + 16 * unit * magnitude
    }
    return error
  }

  private static func batchNorm(_ op: BatchNorm, _ operands: [Bounded], _ value: ReferenceValue)
    -> ReferenceValue?
  {
    guard operands.dropFirst().allSatisfy({ !$0.isRounded }) else { return nil }
    let statistics = operands.map(\.value.elements)
    var error = operands[0].error
    let area = max(error.dims.dropFirst(2).reduce(1, *), 1)
    for index in error.elements.indices {
      let channel = index / area % error.dims[1]
      let factor = abs(statistics[1][channel]) / (statistics[4][channel] + Float(op.epsilon)).squareRoot()
      let parts =
        factor * (abs(statistics[0][index]) + abs(statistics[3][channel])) + abs(statistics[2][channel])
      error.elements[index] = factor * error.elements[index] + 8 * unit * parts
    }
    return error
  }

  private static func linear(_ op: Op, _ operands: [Bounded], _ batched: Bool) -> ReferenceValue {
    let magnitudes = operands.map { absolute($0.value) }
    let count = Float(operands[1].value.dims.last ?? 1)
    let size = ReferenceInterpreter.evaluate(op, magnitudes, batched: batched)
    let error = propagated(op, operands, batched)
    return combined(error, size) { $0 + (count + 8) * unit * $1 }
  }

  /// What errors of the operands become by a layer of products: of data and residual, and of weights where they have any.
  private static func propagated(_ op: Op, _ operands: [Bounded], _ batched: Bool) -> ReferenceValue {
    var inputs = operands.map(\.error)
    inputs[1] = combined(absolute(operands[1].value), operands[1].error, +)
    var error = ReferenceInterpreter.evaluate(op, inputs, batched: batched)
    guard operands[1].isRounded else { return error }
    inputs = operands.map { ReferenceValue(dims: $0.value.dims) }
    inputs[0] = absolute(operands[0].value)
    inputs[1] = operands[1].error
    error = combined(error, ReferenceInterpreter.evaluate(op, inputs, batched: batched), +)
    return error
  }

  private static func convolution(_ op: Conv2D, _ operands: [Bounded], _ batched: Bool) -> ReferenceValue {
    var plain = op
    plain.activation = .none
    let magnitudes = operands.map { absolute($0.value) }
    let size = ReferenceInterpreter.evaluate(.conv2d(plain), magnitudes, batched: batched)
    let weights = operands[1].value.dims
    let count = Float(weights.dropFirst().reduce(1, *))
    var error = combined(propagated(.conv2d(plain), operands, batched), size) { $0 + (count + 8) * unit * $1 }
    let mayBeWinograd = weights[2] == 3 && weights[3] == 3 && op.strides == Extent(1, 1) && !op.isDilated
    if mayBeWinograd { addWinograd(op, magnitudes, &error) }
    return error
  }

  /// Every pixel of a map may meet every tap of a kernel in a tile.
  private static func addWinograd(_ op: Conv2D, _ magnitudes: [ReferenceValue], _ error: inout ReferenceValue)
  {
    let (x, weight) = (magnitudes[0], magnitudes[1])
    let (channels, area) = (x.dims[1], x.dims.dropFirst(2).reduce(1, *))
    let (outputs, perGroup) = (weight.dims[0], weight.dims[1])
    let outputArea = error.dims.dropFirst(2).reduce(1, *)
    for image in 0..<x.dims[0] {
      let peaks = (0..<channels).map { channel in
        x.elements[(image * channels + channel) * area..<(image * channels + channel + 1) * area].reduce(
          0, max)
      }
      for output in 0..<outputs {
        let group = output / max(outputs / op.groups, 1)
        var sum: Float = 0
        for channel in 0..<perGroup {
          let start = (output * perGroup + channel) * 9
          sum += weight.elements[start..<start + 9].reduce(0, +) * peaks[group * perGroup + channel]
        }
        let start = (image * outputs + output) * outputArea
        for index in start..<start + outputArea { error.elements[index] += winogradGrowth * unit * sum }
      }
    }
  }

  private static func softmax(_ x: Bounded, _ value: ReferenceValue, isLogarithm: Bool) -> ReferenceValue {
    var error = value
    let count = value.dims.dropFirst().reduce(1, *)
    for row in 0..<value.dims[0] {
      let range = row * count..<(row + 1) * count
      let most = x.error.elements[range].reduce(0, max)
      let peak = x.value.elements[range].reduce(0) { max($0, abs($1)) }
      for index in range {
        let own = abs(value.elements[index])
        error.elements[index] =
          isLogarithm
          ? 2 * most + 64 * unit * (1 + own + peak) : own * (4 * most + 64 * unit * (1 + peak)) + 1e-30
      }
    }
    return error
  }
}
