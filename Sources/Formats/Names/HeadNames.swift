/// Names below `fc` for the layers behind the pool: found by their place and widths, whatever they are called.
struct HeadNames {
  /// Name by node: `fc` for one linear layer, `fc.N` for several, `neck` for a batch norm before them.
  private(set) var names: [Int: String] = [:]
  /// Modules of projection heads.
  private(set) var projections: [Int] = []
  /// The name of a head of two layers that may be a projection head.
  private(set) var doubtful: String?

  private let tree: ModuleTree
  /// Channels behind the pool.
  private let features: Int

  private static let classifiers: Set<Substring> = [
    "fc", "linear", "last_linear", "classifier", "head", "heads", "cls", "cls_head", "output", "logits",
    "out",
    "dense", "final", "clf", "fc_cls", "classification_head", "lin", "final_layer", "output_layer", "top",
    "fully_connected", "predict", "prediction", "final_fc",
  ]
  /// Layers that compare directions: no linear layers.
  private static let angular: Set<Substring> = [
    "arc", "arcface", "margin", "cosface", "metric_fc", "arc_margin",
  ]

  /// Modules that stand apart from the trunk under one node.
  private struct Group {
    var top: Int
    var modules: [Int]
  }

  /// Reads `modules`, none of which is the trunk's; `trunk` holds the nodes above blocks and stem.
  ///
  /// - Parameter hidden: The node below which a head is a projection head; nil where there is none.
  init(_ tree: ModuleTree, _ modules: [Int], features: Int, trunk: Set<Int>, hidden: Int?) {
    self.tree = tree
    self.features = features
    var groups: [Group] = []
    for module in modules {
      guard isLayer(module), let top = tree.ancestors(module).last(where: { !trunk.contains($0) }) else {
        continue
      }
      if Self.angular.contains(where: { tree.components(module).contains($0) }) { continue }
      if let index = groups.firstIndex(where: { $0.top == top }) {
        groups[index].modules.append(module)
      } else {
        groups.append(Group(top: top, modules: [module]))
      }
    }
    if let hidden {
      for group in groups where tree.isInside(group.top, hidden) && chain(group) != nil {
        projections += group.modules
      }
      groups.removeAll { tree.isInside($0.top, hidden) }
    }
    choose(groups)
  }

  private func isLayer(_ node: Int) -> Bool {
    switch tree[node].layer {
    case .linear, .norm, .convolution(_, _, 1): true
    default: false
    }
  }

  // MARK: Choice

  private mutating func choose(_ groups: [Group]) {
    let tree = self.tree
    let necks = groups.filter {
      $0.modules.count == 1 && tree[$0.modules[0]].layer == .norm(channels: features)
    }
    let siblings = joined(groups)
    let heads =
      siblings
      + groups.filter { group in
        !siblings.contains { $0.modules.contains(group.modules[0]) }
      }
    var chains = heads.compactMap { group in chain(group).map { (group, $0) } }
    chains.sort { rank($0.0) < rank($1.0) }
    let isNeck = { (group: Group) in tree[group.top].component == "neck" }
    chains.removeAll { isNeck($0.0) }
    if chains.isEmpty { project(groups, isNeck: isNeck) }
    if let (group, order) = chains.first {
      name(group, order)
    } else if let group = groups.first(where: { rank($0) == 0 }), group.modules.count == 1,
      case .linear = tree[group.modules[0]].layer
    {
      // Named like a classifier: its shape is then refused by the name.
      names[group.modules[0]] = "fc"
    }
    if !chains.isEmpty, necks.count == 1, names[necks[0].modules[0]] == nil {
      names[necks[0].modules[0]] = "neck"
    }
  }

  /// Without a classifier a neck of linear layers projects (mmselfsup), and so does a batch norm beside a
  /// projector (Barlow Twins).
  private mutating func project(_ groups: [Group], isNeck: (Group) -> Bool) {
    for group in groups {
      let readsFeatures = group.modules.contains {
        if case .linear(_, features) = tree[$0].layer { true } else { false }
      }
      let isNorm = group.modules.allSatisfy { if case .norm = tree[$0].layer { true } else { false } }
      let beside = tree[tree[group.top].parent].children.map { [tree[$0].component] }
      if isNeck(group), readsFeatures {
        projections += tree.modules(in: group.top)
      } else if isNorm, beside.contains(where: Bystander.matches) {
        projections += group.modules
      }
    }
  }

  private func rank(_ group: Group) -> Int {
    Self.classifiers.contains(tree[group.top].component) ? 0 : 1
  }

  /// Layers that are children of one node and told apart by a number: `fc1` and `fc2`, `1` and `3`.
  private func joined(_ groups: [Group]) -> [Group] {
    struct Place: Hashable {
      var parent: Int
      var word: String
    }
    var places: [Place: [(number: Int, node: Int)]] = [:]
    for group in groups where group.modules == [group.top] {
      guard let word = NumberedWord(tree[group.top].component, atEnd: true) else { continue }
      places[Place(parent: tree[group.top].parent, word: word.word), default: []].append(
        (word.number, group.top))
    }
    return places.filter { $0.value.count > 1 }.sorted { $0.value[0].node < $1.value[0].node }.map { place in
      Group(top: place.key.parent, modules: place.value.sorted { $0.number < $1.number }.map(\.node))
    }.filter { chain($0) != nil }
  }

  // MARK: Widths

  /// The modules in an order in which each reads what the one before it gives, the first the pooled features,
  /// once or twice (average beside maximum).
  private func chain(_ group: Group) -> [Int]? {
    guard group.modules.count <= 64 else { return nil }
    for order in [tree.sorted(group.modules, below: group.top), group.modules] {
      for width in [features, 2 * features] where follows(order, from: width) { return order }
    }
    return nil
  }

  private func follows(_ order: [Int], from start: Int) -> Bool {
    var width = start
    var hasLinear = false
    for node in order {
      switch tree[node].layer {
      case .norm(let channels): guard channels == width else { return false }
      case .linear(let outputs, let inputs), .convolution(let outputs, let inputs, _):
        guard inputs == width else { return false }
        width = outputs
        hasLinear = true
      default: return false
      }
    }
    return hasLinear
  }

  // MARK: Names

  private mutating func name(_ group: Group, _ order: [Int]) {
    if order.count == 1 {
      names[order[0]] = "fc"
      return
    }
    let parts = order.map { tree.components($0, below: group.top) }
    let numbers = parts.compactMap { $0.count == 1 ? NumberedWord($0[0]) : nil }.filter { $0.word == "#" }
    var next = 0
    for (index, node) in order.enumerated() {
      let isNorm = if case .norm = tree[node].layer { true } else { false }
      // One module without weights, an activation, before each linear layer but the first.
      if !isNorm, index > 0 { next += 1 }
      names[node] = "fc.\(numbers.count == order.count ? numbers[index].number : next)"
      next += 1
    }
    let linear = order.filter { if case .norm = tree[$0].layer { false } else { true } }
    if linear.count == 2, tree[linear[0]].layer == .linear(outputs: features, inputs: features) {
      doubtful = tree.path(group.top)
    }
  }
}
