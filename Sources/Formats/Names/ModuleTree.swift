/// The modules of a file as the tree of its dotted names, tensors at the leaves.
struct ModuleTree {
  /// Limit on the components of a path; what is behind it stays in one piece.
  private static let maximumDepth = 24
  /// Limit on the modules; a name that comes behind them stays in one piece, at the root. A module takes far more memory
  /// than its part of a name, and a network has at most one for each tensor and its blocks.
  private static let maximumCount = 1 << 16

  /// The layer that a module's own tensors are those of.
  enum Layer: Hashable {
    /// A weight `[outputs, inputs, kernel, ...]`, inputs of one group.
    case convolution(outputs: Int, inputs: Int, kernel: Int)
    case linear(outputs: Int, inputs: Int)
    case norm(channels: Int)
    case other
  }

  struct Node {
    var component: Substring
    var parent: Int
    var children: [Int] = []
    /// Last component and index of each tensor directly below.
    var tensors: [(leaf: Substring, entry: Int)] = []
    /// nil for a node without tensors of its own.
    var layer: Layer?
  }

  private struct Place: Hashable {
    var parent: Int
    var component: Substring
  }

  /// The root first, every parent before its children.
  private(set) var nodes = [Node(component: "", parent: -1)]

  /// The tree of the `entries` that `isIn` selects.
  init(_ entries: [TensorEntry], where isIn: [Bool]) {
    var places: [Place: Int] = [:]
    for (index, entry) in entries.enumerated() where isIn[index] {
      let parts = entry.path.split(
        separator: ".", maxSplits: nodes.count < Self.maximumCount ? Self.maximumDepth : 0,
        omittingEmptySubsequences: false)
      var node = 0
      for part in parts.dropLast() {
        let place = Place(parent: node, component: part)
        if let known = places[place] {
          node = known
        } else {
          nodes.append(Node(component: part, parent: node))
          nodes[node].children.append(nodes.count - 1)
          node = nodes.count - 1
          places[place] = node
        }
      }
      nodes[node].tensors.append((parts[parts.count - 1], index))
    }
    for index in nodes.indices where !nodes[index].tensors.isEmpty {
      nodes[index].layer = Self.layer(nodes[index].tensors, entries)
    }
  }

  private static func layer(_ tensors: [(leaf: Substring, entry: Int)], _ entries: [TensorEntry]) -> Layer {
    func shape(_ leaf: Substring) -> [Int]? {
      tensors.first { $0.leaf == leaf }.flatMap { entries[$0.entry].shape }
    }
    if let weight = shape("weight") {
      switch weight.count {
      case 4: return .convolution(outputs: weight[0], inputs: weight[1], kernel: max(weight[2], weight[3]))
      case 2: return .linear(outputs: weight[0], inputs: weight[1])
      case 1: return .norm(channels: weight[0])
      default: return .other
      }
    }
    if let statistic = shape("running_mean") ?? shape("running_var"), statistic.count == 1 {
      return .norm(channels: statistic[0])
    }
    return .other
  }

  // MARK: Places

  subscript(node: Int) -> Node { nodes[node] }

  /// The components of `node` below `ancestor`; from the root where it is not below it.
  func components(_ node: Int, below ancestor: Int = 0) -> [Substring] {
    var parts: [Substring] = []
    var current = node
    while current > 0, current != ancestor {
      parts.append(nodes[current].component)
      current = nodes[current].parent
    }
    return parts.reversed()
  }

  /// The dotted path of `node`; empty for the root.
  func path(_ node: Int) -> String { components(node).joined(separator: ".") }

  /// True where `node` is `ancestor` or below it.
  func isInside(_ node: Int, _ ancestor: Int) -> Bool {
    // A parent has a smaller index than its children.
    var current = node
    while current > ancestor { current = nodes[current].parent }
    return current == ancestor
  }

  /// `node` and its ancestors, the root last.
  func ancestors(_ node: Int) -> [Int] {
    var result: [Int] = []
    var current = node
    while current >= 0 {
      result.append(current)
      current = nodes[current].parent
    }
    return result
  }

  /// The modules with tensors in the subtree of `node`, parents first.
  func modules(in node: Int) -> [Int] {
    var result: [Int] = []
    var open = [node]
    while let current = open.popLast() {
      if !nodes[current].tensors.isEmpty { result.append(current) }
      open += nodes[current].children.reversed()
    }
    return result
  }

  // MARK: Order

  /// `nodes` sorted by their names below `ancestor`, numbers by value; `bn1` and `norm1` beside `conv1` sort
  /// as it does, and a module behind those inside it.
  func sorted(_ nodes: [Int], below ancestor: Int) -> [Int] {
    let keys = nodes.map { (node: $0, key: components($0, below: ancestor).map(Self.sortKey)) }
    return keys.sorted { Self.precedes($0.key, $1.key) }.map(\.node)
  }

  private static let normWords: Set<String> = ["bn", "norm", "batchnorm", "batch_norm", "bnorm", "gn"]

  private static func sortKey(_ component: Substring) -> NumberedWord {
    var word = NumberedWord(component, atEnd: true) ?? NumberedWord(word: String(component), number: -1)
    let stem = word.word.hasSuffix("#") ? String(word.word.dropLast()) : word.word
    if normWords.contains(stem) { word.word = word.number < 0 ? "conv" : "conv#" }
    return word
  }

  private static func precedes(_ a: [NumberedWord], _ b: [NumberedWord]) -> Bool {
    for (left, right) in zip(a, b) {
      if left.word != right.word { return left.word < right.word }
      if left.number != right.number { return left.number < right.number }
    }
    return a.count > b.count
  }
}

extension NumberedWord {
  init(word: String, number: Int) {
    self.word = word
    self.number = number
  }
}
