/// Reads the layers behind the pooled features: `neck`, then `fc`, or `fc.N` by the numbers of a Sequential.
struct HeadInference {
  /// Channels of the last map.
  private let mapChannels: Int
  /// The layers so far; activations where the numbers leave room for a module without weights.
  private(set) var layers: [ArchitectureDescription.HeadLayer] = []
  /// True where the head reads two features a channel: concatenated pools.
  private(set) var readsPairs = false
  /// Length of the rows that the next layer reads; nil before the first.
  private var width: Int?

  init(mapChannels: Int) { self.mapChannels = mapChannels }

  mutating func read(_ weights: inout WeightShapes) throws(ArchitectureError) {
    if weights.hasModule("neck") { try readLayer("neck", &weights) }
    if weights.contains("fc.weight") || weights.contains("fc.bias") {
      return try readLayer("fc", &weights)
    }
    var last: Int?
    var isLinear = false
    var isActive = false
    for number in Self.numbers(weights) {
      let module = "fc.\(number)"
      // One activation between two linear layers, at the first number that no weights have; the others are
      // Dropout's.
      if let previous = last, number > previous + 1, isLinear, !isActive {
        layers.append(.activation(.relu))
        isActive = true
      }
      try readLayer(module, &weights)
      if case .linear = layers.last { (isLinear, isActive) = (true, false) }
      last = number
    }
  }

  /// The numbers below `fc`, ascending.
  private static func numbers(_ weights: WeightShapes) -> [Int] {
    var numbers: Set<Int> = []
    for name in weights.canonicalNames where name.hasPrefix("fc.") {
      let parts = name.split(separator: ".", omittingEmptySubsequences: false)
      if parts.count == 3, let number = NameMap.index(parts[1]) { numbers.insert(number) }
    }
    return numbers.sorted()
  }

  private mutating func readLayer(
    _ module: String, _ weights: inout WeightShapes
  ) throws(ArchitectureError) {
    let isNorm = weights.contains(module + ".running_mean")
    if !isNorm, let shape = weights[module + ".weight"], shape.count == 1 {
      throw .unsupported(
        feature: "a layer norm or PReLU in the head", evidence: weights.fileName(of: module + ".weight"))
    }
    let name = module + (isNorm ? ".running_mean" : ".weight")
    let axis = isNorm ? 0 : 1
    if width == nil {
      let shape = weights[name] ?? []
      readsPairs = shape.indices.contains(axis) && shape[axis] == 2 * mapChannels
      width = readsPairs ? 2 * mapChannels : mapChannels
    }
    let width = width ?? mapChannels
    if isNorm {
      for leaf in ["weight", "bias"] where weights.contains("\(module).\(leaf)") {
        try weights.claim("\(module).\(leaf)", ShapePattern([width]))
      }
      for leaf in ["running_mean", "running_var"] {
        try weights.claim("\(module).\(leaf)", ShapePattern([width]))
      }
      layers.append(
        .batchNorm(
          name: module, hasScale: weights.contains(module + ".weight"),
          hasShift: weights.contains(module + ".bias")))
      return
    }
    // timm stores a head as a 1x1 convolution.
    let tail: [Int?] = weights[name]?.count == 4 ? [1, 1] : []
    let outputs = try weights.claim(name, ShapePattern([nil, width] + tail))[0]
    let hasBias = weights.contains(module + ".bias")
    if hasBias { try weights.claim(module + ".bias", ShapePattern([outputs])) }
    layers.append(.linear(name: module, outputs: outputs, hasBias: hasBias))
    self.width = outputs
  }
}
