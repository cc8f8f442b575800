import FixresBase
import FixresIR

/// Constant integers in several axes, as exporters rearrange the amounts of a Pad: first to last, before and after.
extension OnnxImporter {
  /// Limit on the integers that are rearranged.
  private static let maximumCount = 64

  /// Evaluates Transpose, Slice or Concat of constant integers; false for other constants.
  mutating func integerView(_ node: OnnxNode) throws(FormatError) -> Bool {
    var parts: [(shape: [Int], numbers: [Int])] = []
    // A Slice's other inputs say what is taken.
    for index in node.op == "Concat" ? node.inputs.indices : 0..<1 {
      let part = try constant(node, index)
      guard part.isInteger, part.count <= Self.maximumCount else { return false }
      parts.append((part.shape, try integers(part, node)))
    }
    guard let first = parts.first, !first.shape.isEmpty else { return false }
    switch node.op {
    case "Transpose":
      let order = node.integers("perm") ?? Array(first.shape.indices.reversed())
      guard order.sorted() == Array(first.shape.indices) else {
        throw fault(node, "an order of \(first.shape.count) axes", "\(order.prefix(9))")
      }
      try setIntegers(node, first, order.map { first.shape[$0] }) { index in
        var source = [Int](repeating: 0, count: index.count)
        for (place, axis) in order.enumerated() { source[axis] = index[place] }
        return source
      }
    case "Slice": try sliceIntegers(node, first)
    default:
      guard parts.allSatisfy({ $0.shape.count == 1 }) else { return false }
      let numbers = parts.flatMap(\.numbers)
      guard numbers.count <= Self.maximumCount else { return false }
      try setIntegers(node, (shape: [numbers.count], numbers: numbers), [numbers.count]) { $0 }
    }
    return true
  }

  private mutating func sliceIntegers(
    _ node: OnnxNode, _ source: (shape: [Int], numbers: [Int])
  ) throws(FormatError) {
    let starts = try numbers(node, "starts", 1)
    let ends = try numbers(node, "ends", 2)
    let hasSteps = node.integers("starts") == nil && node.input(4) != nil
    let steps = hasSteps ? try knownNumbers(node, 4) : [Int](repeating: 1, count: starts.count)
    let chosen = try axes(node, input: 3, count: source.shape.count) ?? Array(starts.indices)
    guard starts.count == ends.count, starts.count == steps.count, starts.count == chosen.count,
      chosen.allSatisfy(source.shape.indices.contains), !steps.contains(0)
    else { throw fault(node, "starts, ends, axes and steps of one length", "others") }
    var taken = source.shape.map { Array(0..<$0) }
    for (index, axis) in chosen.enumerated() {
      let (size, step) = (source.shape[axis], steps[index])
      func bound(_ value: Int, _ range: ClosedRange<Int>) -> Int {
        min(max(value < 0 ? value.addingSaturated(size) : value, range.lowerBound), range.upperBound)
      }
      let first = bound(starts[index], step > 0 ? 0...size : -1...size - 1)
      let end = bound(ends[index], step > 0 ? 0...size : -1...size)
      // No step of more than the size takes a second number.
      let stride = min(max(step, -Self.maximumCount), Self.maximumCount)
      taken[axis] = Array(Swift.stride(from: first, to: end, by: stride))
    }
    try setIntegers(node, source, taken.map(\.count)) { index in
      index.enumerated().map { taken[$0.offset][$0.element] }
    }
  }

  /// Defines the result of `node`: a constant of `shape` whose number at each index is that of `source` at `from(index)`.
  private mutating func setIntegers(
    _ node: OnnxNode, _ source: (shape: [Int], numbers: [Int]), _ shape: [Int], from: ([Int]) -> [Int]
  ) throws(FormatError) {
    var numbers: [Int64] = []
    for flat in 0..<shape.reduce(1, *) {
      var (rest, index) = (flat, [Int](repeating: 0, count: shape.count))
      for axis in shape.indices.reversed() {
        index[axis] = rest % shape[axis]
        rest /= shape[axis]
      }
      let position = zip(from(index), source.shape).reduce(0) { $0 * $1.1 + $1.0 }
      numbers.append(Int64(source.numbers[position]))
    }
    let name = node.outputs[0]
    let tensor = Self.whole(numbers, shape.map { Int64($0) }, name)
    try set(node, .constant(try constant(of: tensor, name: name)))
  }
}
