import FixresIR

/// How a network's head reads its last map.
package enum PooledHead {
  /// The first layer found, from the outputs back, that makes one pixel of a part of a map, before any global pool: a
  /// fixed pool or kernel that covered the whole map at another size. nil where there is none.
  package static func partialReader(in graph: Graph) -> (layer: String, map: Extent)? {
    let producers = graph.producers
    var pending = graph.outputs.map(\.value)
    var seen = Set(pending)
    while let value = pending.popLast() {
      guard let producer = producers[value.index], graph[value].type.spatial == Extent(1, 1) else { continue }
      let node = graph[producer]
      let map = graph[node.operands[0]].type.spatial
      let isWhole: Bool
      switch node.op.computation {
      case .globalPool, .generalizedMean: continue
      case .flatten where map != Extent(1, 1): continue
      case .pool(let window, _): isWhole = covers(window, map)
      case .convolution(let conv): isWhole = covers(conv.window(weight: graph[node.operands[1]].type), map)
      case .stridedSlice: isWhole = map == Extent(1, 1)
      case .copy, .elementwise, .batchNorm, .sum, .product, .concat, .channelProduct, .linear, .flatten,
        .channelPad, .reflectPad, .softmax:
        isWhole = true
      }
      guard isWhole else { return (graph[value].name, map) }
      for operand in node.operands where graph[operand].type.batched && seen.insert(operand).inserted {
        pending.append(operand)
      }
    }
    return nil
  }

  /// Whether the only position of `window` reaches all of `map`.
  static func covers(_ window: Window, _ map: Extent) -> Bool {
    window.kernel.height - window.padding.top >= map.height
      && window.kernel.width - window.padding.left >= map.width
  }
}
