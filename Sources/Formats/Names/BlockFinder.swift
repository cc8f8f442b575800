/// Finds the residual blocks of a tree of modules, and the places where stages of them hang.
struct BlockFinder {
  /// The stages of one network as the names have them.
  struct Trunk {
    /// The node above the stages.
    var node: Int
    /// The nodes of the blocks of each stage by their numbers; nil where the file has no node of a number.
    var stages: [[Int?]]
    /// The node of each stage; that of the blocks' parent where stages have none of their own.
    var stageNodes: [Int?]

    var blocks: [Int] { stages.joined().compactMap { $0 } }
  }

  /// What the paths of the blocks of one network have in common.
  private struct Pattern: Hashable {
    var node: Int
    /// nil where all blocks hang from one node.
    var stage: String?
    /// A component between a stage and its blocks, such as `layers`.
    var inner: Substring?
    var block: String
  }

  private let tree: ModuleTree
  private let entries: [TensorEntry]

  init(_ tree: ModuleTree, _ entries: [TensorEntry]) {
    self.tree = tree
    self.entries = entries
  }

  /// The trunks, in the order of the file.
  func trunks() -> [Trunk] {
    var order: [Pattern] = []
    var found: [Pattern: [Int]] = [:]
    for block in blocks() {
      guard let pattern = pattern(block) else { continue }
      if found[pattern] == nil { order.append(pattern) }
      found[pattern, default: []].append(block)
    }
    return order.compactMap { pattern in
      let trunk = pattern.stage == nil ? flat(found[pattern] ?? []) : staged(pattern, found[pattern] ?? [])
      let blocks = trunk.blocks
      let fitting = blocks.count { BlockNames(tree, block: $0).isWhole }
      return fitting > 0 && fitting * 2 >= blocks.count ? trunk : nil
    }
  }

  // MARK: Blocks

  /// The lowest nodes that hold two convolutions, one of them wider than a pixel, and two batch norms, each
  /// with the components above it up to a number: `conv2_x.0` for `conv2_x.0.residual_function`.
  private func blocks() -> [Int] {
    let count = tree.nodes.count
    var convolutions = [Int](repeating: 0, count: count)
    var spatial = convolutions
    var norms = convolutions
    var hasBlock = [Bool](repeating: false, count: count)
    var lowest: [Int] = []
    for node in (0..<count).reversed() {
      switch tree[node].layer {
      case .convolution(_, _, let kernel):
        convolutions[node] += 1
        if kernel > 1 { spatial[node] += 1 }
      case .norm: norms[node] += 1
      default: break
      }
      if !hasBlock[node], convolutions[node] > 1, spatial[node] > 0, norms[node] > 1 {
        hasBlock[node] = true
        lowest.append(node)
      }
      let parent = tree[node].parent
      guard parent >= 0 else { continue }
      convolutions[parent] += convolutions[node]
      spatial[parent] += spatial[node]
      norms[parent] += norms[node]
      if hasBlock[node] { hasBlock[parent] = true }
    }
    var seen: Set<Int> = []
    var blocks: [Int] = []
    for node in lowest.reversed() where !readsImages(node) {
      let numbered = tree.ancestors(node).dropLast().first {
        NumberedWord(tree[$0].component, atEnd: true) != nil
      }
      if let numbered, seen.insert(numbered).inserted { blocks.append(numbered) }
    }
    return blocks
  }

  /// True for a deep stem: its first convolution reads 1, 3 or 4 channels, and it is no narrow basic block.
  private func readsImages(_ node: Int) -> Bool {
    let modules = tree.modules(in: node).filter {
      if case .convolution = tree[$0].layer { true } else { false }
    }
    guard let first = tree.sorted(modules, below: node).first, StemNames.readsImages(tree[first].layer),
      case .convolution(let outputs, let inputs, _) = tree[first].layer
    else { return false }
    return !(inputs == 4 || inputs == outputs) || !BlockNames(tree, block: node).isWhole
  }

  // MARK: Stages

  private func pattern(_ block: Int) -> Pattern? {
    guard let word = NumberedWord(tree[block].component, atEnd: true)?.word else { return nil }
    let above = tree[block].parent
    guard above > 0 else { return Pattern(node: 0, stage: nil, inner: nil, block: word) }
    if let stage = NumberedWord(tree[above].component) {
      return Pattern(node: tree[above].parent, stage: stage.word, inner: nil, block: word)
    }
    let second = tree[above].parent
    if second > 0, let stage = NumberedWord(tree[second].component) {
      return Pattern(
        node: tree[second].parent, stage: stage.word, inner: tree[above].component, block: word)
    }
    return Pattern(node: above, stage: nil, inner: nil, block: word)
  }

  /// The stages below `pattern.node`: those with blocks, and later ones that look like them but are damaged.
  private func staged(_ pattern: Pattern, _ blocks: [Int]) -> Trunk {
    let known = Set(blocks.map { pattern.inner == nil ? tree[$0].parent : tree[tree[$0].parent].parent })
    let least = known.compactMap { NumberedWord(tree[$0].component)?.number }.min() ?? 0
    var stages: [Int: (node: Int, blocks: [Int: Int])] = [:]
    for node in tree[pattern.node].children {
      guard let word = NumberedWord(tree[node].component), word.word == pattern.stage else { continue }
      guard known.contains(node) || (pattern.stage != "#" && word.number > least) else { continue }
      let inner = pattern.inner
      let parent = inner == nil ? node : tree[node].children.first { tree[$0].component == inner }
      guard let parent else { continue }
      var children: [Int: Int] = [:]
      for child in tree[parent].children {
        guard let word = NumberedWord(tree[child].component, atEnd: true), word.word == pattern.block else {
          continue
        }
        children[word.number] = child
      }
      if !children.isEmpty { stages[word.number] = (node, children) }
    }
    if stages.count == 1, let only = stages.values.first {
      return flat(only.blocks.sorted { $0.key < $1.key }.map(\.value))
    }
    let blockBase = stages.values.contains { $0.blocks[0] != nil } ? 0 : 1
    let numbers = stages.keys.sorted()
    let base = stageBase(pattern, least: numbers.first ?? 0, greatest: numbers.last ?? 0)
    // A number far beyond the others stays an isolated stage, so that memory is bounded by the file.
    let span = min((numbers.last ?? 0) - base + 1, numbers.count + 8)
    var trunk = Trunk(node: pattern.node, stages: [], stageNodes: [])
    for index in 0..<max(span, 0) {
      let stage = stages[base + index]
      trunk.stageNodes.append(stage?.node)
      let greatest = min(stage?.blocks.keys.max() ?? -1, (stage?.blocks.count ?? 0) + 64)
      trunk.stages.append(
        (0..<max(0, greatest - blockBase + 1)).map { stage?.blocks[$0 + blockBase] })
    }
    return trunk
  }

  /// The number of the first stage: 1 for `layer1`, 2 for `conv2_x` and `res2`, 0 for `stages.0`.
  private func stageBase(_ pattern: Pattern, least: Int, greatest: Int) -> Int {
    let word = pattern.stage ?? "#"
    if word == "#" {
      let lists: Set<Substring> = ["stages", "layers", "stage", "layer", "blocks", "groups", "res_layers"]
      return lists.contains(tree[pattern.node].component) ? min(least, 1) : least
    }
    if word == "conv#_x" || word == "res#" { return min(least, 2) }
    if least > 1, greatest == least + 3 { return least }
    return min(least, 1)
  }

  /// Blocks in one list: a stage begins where the number of channels changes.
  private func flat(_ blocks: [Int]) -> Trunk {
    var trunk = Trunk(node: blocks.first.map { tree[$0].parent } ?? 0, stages: [], stageNodes: [])
    let numbered = blocks.map {
      (number: NumberedWord(tree[$0].component, atEnd: true)?.number ?? 0, node: $0)
    }
    var width: Int?
    for (_, block) in numbered.sorted(by: { $0.number < $1.number }) {
      let outputs = BlockNames(tree, block: block).outputs
      if trunk.stages.isEmpty || (outputs != nil && outputs != width) {
        trunk.stages.append([])
        trunk.stageNodes.append(trunk.node)
      }
      trunk.stages[trunk.stages.count - 1].append(block)
      width = outputs ?? width
    }
    return trunk
  }
}
