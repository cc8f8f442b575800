/// Which step wrote each byte of an arena last. A segment tree over the blocks between the ends of all buffers: marking
/// and asking take a time that grows with the logarithm of their number.
struct BlockStamps {
  private static let mixed = -2
  /// No step yet.
  static let none = -1

  /// A node of the tree and the blocks below it, `low ..< high`.
  private struct Node {
    var index, low, high: Int

    var left: Node { Node(index: 2 * index, low: low, high: (low + high) / 2) }
    var right: Node { Node(index: 2 * index + 1, low: (low + high) / 2, high: high) }
  }

  /// Ends of blocks, sorted.
  private let ends: [Int]
  private let leafCount: Int
  /// By node of the tree, the root first: the stamp of all blocks below it, or `mixed`.
  private var stamps: [Int]

  /// Blocks between `boundaries`, which need no order.
  init(boundaries: [Int]) {
    var sorted = boundaries.sorted()
    var kept = 0
    for index in sorted.indices where index == 0 || sorted[index] != sorted[kept - 1] {
      sorted[kept] = sorted[index]
      kept += 1
    }
    ends = Array(sorted.prefix(kept))
    var leaves = 1
    while leaves < ends.count { leaves *= 2 }
    leafCount = leaves
    stamps = [Int](repeating: Self.none, count: 2 * leaves)
  }

  /// Index of the block that starts at `boundary`, one of those given at the start.
  func block(at boundary: Int) -> Int {
    var (low, high) = (0, ends.count)
    while low < high {
      let middle = (low + high) / 2
      if ends[middle] < boundary { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// Marks the blocks `range` as written by step `stamp`.
  mutating func write(_ range: Range<Int>, _ stamp: Int) {
    if !range.isEmpty { write(range, stamp, at: Node(index: 1, low: 0, high: leafCount)) }
  }

  private mutating func write(_ range: Range<Int>, _ stamp: Int, at node: Node) {
    if range.lowerBound <= node.low && node.high <= range.upperBound {
      stamps[node.index] = stamp
      return
    }
    let (left, right) = (node.left, node.right)
    if stamps[node.index] != Self.mixed {
      stamps[left.index] = stamps[node.index]
      stamps[right.index] = stamps[node.index]
    }
    if range.lowerBound < left.high { write(range, stamp, at: left) }
    if range.upperBound > left.high { write(range, stamp, at: right) }
    stamps[node.index] = stamps[left.index] == stamps[right.index] ? stamps[left.index] : Self.mixed
  }

  /// A stamp other than `stamp` among the blocks `range`; nil where there is none.
  func stamp(otherThan stamp: Int, in range: Range<Int>) -> Int? {
    range.isEmpty ? nil : other(than: stamp, range, at: Node(index: 1, low: 0, high: leafCount))
  }

  private func other(than stamp: Int, _ range: Range<Int>, at node: Node) -> Int? {
    let found = stamps[node.index]
    if found != Self.mixed { return found == stamp ? nil : found }
    let left = node.left
    if range.lowerBound < left.high, let found = other(than: stamp, range, at: left) { return found }
    return range.upperBound > left.high ? other(than: stamp, range, at: node.right) : nil
  }
}
