/// torchvision's names for the modules of one residual block.
///
/// The convolutions on the main path are numbered in the order of their names (or, where that gives no block,
/// of the file), and so are its batch norms; the shortcut and the gate are known by their names.
struct BlockNames {
  /// torchvision's name inside the block, by node.
  private(set) var names: [Int: String] = [:]
  /// True where the main path is that of a basic or bottleneck block, each batch norm as wide as the
  /// convolution before it.
  private(set) var isWhole = false
  /// Channels that the main path gives; nil where it is not known.
  private(set) var outputs: Int?

  private let tree: ModuleTree
  private let block: Int

  private static let shortcutWords: Set<Substring> = [
    "downsample", "shortcut", "identity_conv", "identity_block", "identity", "identity_downsample",
    "i_downsample", "down_sample", "downsampling", "idpath", "skip", "skip_connection", "skip_conv",
    "conv_skip", "proj", "projection", "conv_shortcut", "convShortcut", "shortcut_conv", "res_conv",
    "bypass", "match_dim", "sc",
  ]
  private static let gateWords: Set<Substring> = [
    "se", "se_module", "se_layer", "se_block", "selayer", "squeeze_excitation", "attention_se",
  ]

  init(_ tree: ModuleTree, block: Int) {
    self.tree = tree
    self.block = block
    var main: [Int] = []
    var shortcut: [Int] = []
    var gate: [Int] = []
    for module in tree.modules(in: block) where module != block {
      let parts = tree.components(module, below: block)
      if parts.contains(where: { Self.gateWords.contains($0) }) {
        gate.append(module)
      } else if parts.contains(where: { Self.shortcutWords.contains($0) }) {
        shortcut.append(module)
      } else {
        main.append(module)
      }
    }
    if !pairs(main) {
      if let side = sideBranch(main) {
        shortcut += side
      } else {
        for module in main { names[module] = spelled(module) }
      }
    }
    readShortcut(shortcut)
    readGate(gate)
  }

  // MARK: Main path

  /// Names the layers of the main path where they are those of a block.
  private mutating func pairs(_ modules: [Int]) -> Bool {
    let layers = modules.filter { node in
      switch tree[node].layer {
      case .convolution, .norm: true
      default: false
      }
    }
    for order in [tree.sorted(layers, below: block), layers.sorted()] where !isWhole { pair(order) }
    return isWhole
  }

  /// The modules of the one child that is a shortcut by its shapes: without its 1x1 convolution the rest is a
  /// main path.
  private mutating func sideBranch(_ modules: [Int]) -> [Int]? {
    let children = Set(modules.compactMap { tree.components($0, below: block).first })
    guard children.count > 1, children.count < 16 else { return nil }
    for child in children.sorted() {
      let side = modules.filter { tree.components($0, below: block).first == child }
      let widths = side.compactMap(width)
      guard widths.count == 1, side.count <= 2 else { continue }
      if pairs(modules.filter { !side.contains($0) }) {
        if widths[0].outputs == outputs { return side }
        (isWhole, outputs, names) = (false, nil, [:])
      }
    }
    return nil
  }

  private mutating func pair(_ layers: [Int]) {
    var convolutions: [(node: Int, outputs: Int, inputs: Int, kernel: Int)] = []
    var norms: [(node: Int, channels: Int)] = []
    for node in layers {
      switch tree[node].layer {
      case .convolution(let outputs, let inputs, let kernel):
        convolutions.append((node, outputs, inputs, kernel))
      case .norm(let channels): norms.append((node, channels))
      default: break
      }
    }
    // A convolution without a batch norm behind a whole main path is none of a block's.
    convolutions.removeLast(max(0, convolutions.count - norms.count))
    let kernels = convolutions.map(\.kernel)
    guard kernels == [3, 3] || kernels == [1, 3, 1], norms.count == convolutions.count,
      zip(norms, convolutions).allSatisfy({ $0.channels == $1.outputs })
    else { return }
    for index in 1..<convolutions.count {
      let (inputs, before) = (convolutions[index].inputs, convolutions[index - 1].outputs)
      let mayBeGrouped = kernels.count == 3 && index == 1
      guard inputs == before || (mayBeGrouped && inputs > 0 && before % inputs == 0) else { return }
    }
    isWhole = true
    outputs = convolutions[convolutions.count - 1].outputs
    for index in convolutions.indices {
      names[convolutions[index].node] = "conv\(index + 1)"
      names[norms[index].node] = "bn\(index + 1)"
    }
  }

  /// The name by its spelling alone, for a block that is damaged; nil for an unknown one.
  private func spelled(_ module: Int) -> String? {
    var parts = tree.components(module, below: block)
    if parts.first == "body" { parts.removeFirst() }
    if parts.count == 3, parts[0] == "layer", let index = NumberedWord(parts[1])?.number, index < 3 {
      if parts[2] == "convolution" { return "conv\(index + 1)" }
      if parts[2] == "normalization" { return "bn\(index + 1)" }
    }
    guard parts.count == 1 || parts.count == 2, let word = NumberedWord(parts[0], atEnd: true) else {
      return nil
    }
    switch (word.word, parts.count == 2 ? parts[1] : "") {
    case ("conv#", ""), ("conv#", "conv"): return "conv\(word.number)"
    case ("bn#", ""), ("norm#", ""), ("conv#", "bn"), ("conv#", "norm"): return "bn\(word.number)"
    default: return nil
    }
  }

  // MARK: Shortcut

  private mutating func readShortcut(_ modules: [Int]) {
    var convolutions: [Int] = []
    var norms: [Int] = []
    for module in modules {
      switch tree[module].layer {
      case .convolution: convolutions.append(module)
      case .norm: norms.append(module)
      default: return
      }
    }
    guard convolutions.count <= 1, norms.count <= 1 else { return }
    // An average pool before the convolution (ResNet-D) makes it the second child of the shortcut.
    let conv = convolutions.first.flatMap(position)
    let norm = norms.first.flatMap(position)
    let isPooled =
      convolutions.isEmpty ? norm == 2 : conv == 1 && (norms.isEmpty || norm == 2 || norm == 1)
    if let node = convolutions.first { names[node] = isPooled ? "downsample.1" : "downsample.0" }
    if let node = norms.first { names[node] = isPooled ? "downsample.2" : "downsample.1" }
  }

  /// The number behind the shortcut's own name.
  private func position(_ module: Int) -> Int? {
    let parts = tree.components(module, below: block)
    guard let word = parts.firstIndex(where: { Self.shortcutWords.contains($0) }), word + 1 < parts.count
    else {
      return nil
    }
    return NumberedWord(parts[word + 1]).flatMap { $0.word == "#" ? $0.number : nil }
  }

  // MARK: Gate

  private mutating func readGate(_ modules: [Int]) {
    let tails = modules.map { tree.components($0, below: block).dropFirst().joined(separator: ".") }
    for pair in [["fc1", "fc2"], ["fc.0", "fc.2"]] where tails.allSatisfy(pair.contains) {
      for (module, tail) in zip(modules, tails) { names[module] = "se." + tail }
      return
    }
    var sorted = tree.sorted(modules, below: block)
    if sorted.count == 2, let first = width(sorted[0]), first.inputs != outputs { sorted.swapAt(0, 1) }
    guard sorted.count == 2, let first = width(sorted[0]), let second = width(sorted[1]),
      first.inputs == second.outputs, first.outputs == second.inputs
    else { return }
    names[sorted[0]] = "se.fc1"
    names[sorted[1]] = "se.fc2"
  }

  private func width(_ module: Int) -> (outputs: Int, inputs: Int)? {
    switch tree[module].layer {
    case .linear(let outputs, let inputs): (outputs, inputs)
    case .convolution(let outputs, let inputs, 1): (outputs, inputs)
    case .convolution, .norm, .other, nil: nil
    }
  }
}
