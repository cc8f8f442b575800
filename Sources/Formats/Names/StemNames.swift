/// torchvision's names for the layers before the first stage.
struct StemNames {
  /// torchvision's name by node.
  private(set) var names: [Int: String] = [:]
  /// The node of a convolution that no supported stem has.
  private(set) var surplus: Int?

  private let tree: ModuleTree
  /// The node above the stem.
  private let top: Int

  /// True for a convolution of grey, RGB or RGBA pictures.
  static func readsImages(_ layer: ModuleTree.Layer?) -> Bool {
    guard case .convolution(_, let inputs, let kernel) = layer else { return false }
    return [1, 3, 4].contains(inputs) && kernel >= 3
  }

  /// Reads the stem that begins with `first`; `firstStage` is the number of the first stage where children
  /// have nothing but numbers.
  init(_ tree: ModuleTree, first: Int, below root: Int, firstStage: Int?) {
    self.tree = tree
    // Stages hang from `root` or below it: the stem's child of it holds no stage.
    let child = tree.ancestors(first).last { $0 != root && tree.isInside($0, root) } ?? first
    top = tree[child].parent
    let siblings = tree[top].children.filter { isStem($0, beside: child, firstStage) }
    let modules = tree.sorted(siblings.flatMap { tree.modules(in: $0) }, below: top)
    let pool = modules.filter { tree.components($0, below: top).contains("maxpool") }
    read(modules.filter { !pool.contains($0) }, first: first)
    for module in pool {
      switch tree[module].layer {
      case .convolution: names[module] = "maxpool.0"
      case .norm: names[module] = "maxpool.1"
      default: break
      }
    }
  }

  /// True for `child` itself, its like (`conv2` beside `conv1`), a batch norm and a pool beside it.
  private func isStem(_ node: Int, beside child: Int, _ firstStage: Int?) -> Bool {
    if node == child || tree[node].component == "maxpool" { return true }
    let word = NumberedWord(tree[node].component, atEnd: true)
    if let word, word.word == "#" {
      guard NumberedWord(tree[child].component, atEnd: true)?.word == "#" else { return false }
      return firstStage.map { word.number < $0 } ?? false
    }
    if let word, word.word == NumberedWord(tree[child].component, atEnd: true)?.word,
      case .convolution = tree[node].layer
    {
      return true
    }
    if case .norm = tree[node].layer { return true }
    return false
  }

  private mutating func read(_ modules: [Int], first: Int) {
    var convolutions = [first]
    for module in modules where module != first {
      if case .convolution = tree[module].layer { convolutions.append(module) }
    }
    convolutions = tree.sorted(convolutions, below: top)
    let norms = modules.filter { if case .norm = tree[$0].layer { true } else { false } }
    let widths = convolutions.map(outputs)
    switch (convolutions.count, norms.count) {
    case (1, _):
      names[first] = "conv1"
      let fitting = norms.filter { outputs($0) == widths[0] }
      if let norm = nearest(fitting.isEmpty ? norms : fitting, to: first) { names[norm] = "bn1" }
    case (3, _), (2, 3):
      for (node, name) in zip(convolutions, ["conv1.0", "conv1.3", "conv1.6"]) { names[node] = name }
      var rest = norms
      for (index, name) in ["conv1.1", "conv1.4", "bn1"].enumerated() {
        let fits =
          index < widths.count ? rest.firstIndex { outputs($0) == widths[index] } : rest.indices.first
        guard let fits else { continue }
        names[rest.remove(at: fits)] = name
      }
    default: surplus = convolutions.last
    }
  }

  private func outputs(_ node: Int) -> Int {
    switch tree[node].layer {
    case .convolution(let outputs, _, _): outputs
    case .norm(let channels): channels
    default: -1
    }
  }

  /// The norm that shares most of its path with `node`.
  private func nearest(_ norms: [Int], to node: Int) -> Int? {
    let path = tree.components(node)
    let shared = norms.map { norm in zip(tree.components(norm), path).prefix { $0 == $1 }.count }
    guard let most = shared.max() else { return nil }
    return norms[shared.firstIndex(of: most) ?? 0]
  }
}
