import FixresIR

/// Recognises the usual ResNets of ImageNet by their graph alone, for ONNX models, which have no parameter
/// names.
package enum OnnxNetworkName {
  /// Element-wise operations that such a network may hold: its ReLUs, and what an adaptation adds at its end.
  private static let activations: Set<Op.Kind> = [.relu, .sigmoid, .scalarAffineClamp]

  /// The name of the network in the unfused `graph`, by channels and number of its residual sums and its
  /// convolutions; nil for any other network.
  package static func name(of graph: Graph) -> String? {
    var (sums, rectified): (Set<ValueID>, Set<ValueID>) = ([], [])
    var stages: [(channels: Int, blocks: Int)] = []
    var convolutions: [(op: Conv2D, weight: [Int])] = []
    for node in graph.nodes {
      switch node.op.computation {
      case .sum:
        sums.insert(node.result)
        let channels = graph[node.result].type.channels
        if stages.last?.channels == channels {
          stages[stages.count - 1].blocks += 1
        } else {
          stages.append((channels, 1))
        }
      case .convolution(let op):
        if op.isDilated { return nil }
        convolutions.append((op, graph[node.operands[1]].type.dims))
      case .elementwise:
        guard Self.activations.contains(node.op.kind) else { return nil }
        if case .relu = node.op { rectified.insert(node.operands[0]) }
      case .pool(let window, .mean) where window.strides == Extent(2, 2): return nil
      case .channelProduct, .channelPad, .stridedSlice, .product, .concat, .reflectPad, .generalizedMean:
        return nil
      case .copy, .batchNorm, .linear, .pool, .globalPool, .flatten, .softmax: break
      }
    }
    // ImageNet's stem, and a ReLU behind each sum: pre-activation networks (v2) have it before the
    // convolutions.
    guard let stem = convolutions.first, stem.weight[2] == 7, stem.op.strides == Extent(2, 2),
      sums.isSubset(of: rectified)
    else { return nil }
    let depths = stages.map(\.blocks)
    let blocks = depths.reduce(0, +)
    switch stages.map(\.channels) {
    case [64, 128, 256, 512] where convolutions.count == 1 + 2 * blocks + 3:
      return [[2, 2, 2, 2]: "resnet18", [3, 4, 6, 3]: "resnet34"][depths]
    case [256, 512, 1024, 2048] where convolutions.count == 1 + 3 * blocks + 4:
      let spatial = convolutions.filter { $0.weight[2] == 3 }
      guard let first = spatial.first, spatial.count == blocks,
        let depth = [[3, 4, 6, 3]: 50, [3, 4, 23, 3]: 101, [3, 8, 36, 3]: 152][depths]
      else { return nil }
      // Three strided 3x3 convolutions, one for each of the stages 2 to 4: v1.5.
      let version = spatial.count { $0.op.strides != Extent(1, 1) } == 3 ? "" : "_v1"
      switch (first.op.groups, first.weight[0]) {
      case (1, 64): return "resnet\(depth)" + version
      case (1, 128): return "wide_resnet\(depth)_2" + version
      case (let groups, let width) where groups > 1 && width % groups == 0:
        return "resnext\(depth)_\(groups)x\(width / groups)d" + version
      default: return nil
      }
    default: return nil
    }
  }
}
