/// Gives every tensor beside and inside a chosen trunk its name or its reason to be left out.
struct NetworkNames {
  let entries: [TensorEntry]
  let tree: ModuleTree
  let isIn: [Bool]
  let chosen: NetworkSearch.Candidate

  private static let means: Set<Substring> = [
    "mean", "mu", "new_mean", "pixel_mean", "image_mean", "img_mean", "_mean", "norm_mean", "data_mean",
    "input_mean", "means",
  ]
  private static let deviations: Set<Substring> = [
    "std", "sigma", "new_std", "pixel_std", "image_std", "img_std", "_std", "norm_std", "data_std",
    "input_std",
    "stds",
  ]

  /// The names of all entries.
  ///
  /// - Throws: `FormatError.architecture`, for a stem of more convolutions than any supported one has.
  func found(path: String) throws(FormatError) -> FoundNetwork {
    var modules: [Int: String] = [:]
    var features: Int?
    for (stage, blocks) in chosen.trunk.stages.enumerated() {
      for (index, block) in blocks.enumerated() {
        guard let block else { continue }
        let names = BlockNames(tree, block: block)
        features = names.outputs ?? features
        for module in tree.modules(in: block) {
          var rest = tree.components(module, below: block).joined(separator: ".")
          // What a whole block does not need must not pass for one of its modules.
          if names.isWhole, !rest.isEmpty { rest = "unexplained." + rest }
          modules[module] = "layer\(stage + 1).\(index)" + suffix(names.names[module] ?? rest)
        }
      }
    }
    let inBlocks = Set(modules.keys)
    if let stem = chosen.stem { try nameStem(stem, &modules, path: path) }
    let rest = leftovers(modules)
    let trunk = Set(
      modules.keys.filter { inBlocks.contains($0) || modules[$0] != nil }.flatMap(tree.ancestors))
    let head = HeadNames(
      tree, rest.filter { !Bystander.matches(tree.components($0)) && !isInput($0) }, features: features ?? -1,
      trunk: trunk, hidden: hiddenHead)
    modules.merge(head.names) { first, _ in first }
    var result = FoundNetwork(names: NameMap(names: []))
    if let doubtful = head.doubtful {
      result.notes.append(
        "\(doubtful) is read as the classifier; if it is a projection head, leave it out with "
          + "--ignore '\(doubtful).*'")
    }
    assign(modules, inBlocks, projections: Set(head.projections), &result)
    return result
  }

  private func suffix(_ text: String) -> String { text.isEmpty ? "" : "." + text }

  private func nameStem(_ stem: Int, _ modules: inout [Int: String], path: String) throws(FormatError) {
    let first = chosen.trunk.stageNodes.compactMap { $0 }.first
    let number = first.flatMap { NumberedWord(tree[$0].component) }.flatMap {
      $0.word == "#" ? $0.number : nil
    }
    let names = StemNames(tree, first: stem, below: stemRoot, firstStage: number)
    if let surplus = names.surplus {
      throw .architecture(
        path: path,
        .unsupported(
          feature: "a stem of other than one or three convolutions", evidence: tree.path(surplus) + ".weight")
      )
    }
    modules.merge(names.names) { first, _ in first }
  }

  /// The lowest node above the stem and the stages.
  private var stemRoot: Int { chosen.top }

  /// Modules of the searched entries that have no name yet, in the order of the file.
  private func leftovers(_ modules: [Int: String]) -> [Int] {
    tree.nodes.indices.filter { node in
      modules[node] == nil && tree[node].tensors.contains { isIn[$0.entry] }
    }
  }

  /// The node below which a head is a projection head: `encoder_q` and the like, else the network itself where
  /// a module beside it shows that it was trained without labels.
  private var hiddenHead: Int? {
    let named = tree.ancestors(chosen.top).first { Bystander.isSelfSupervised(tree[$0].component) }
    if named != nil || chosen.top == 0 { return named }
    let above = tree.components(tree[chosen.top].parent)
    let shows = entries.contains { entry in
      let parts = entry.path.split(
        separator: ".", maxSplits: above.count + 1, omittingEmptySubsequences: false)
      return parts.count > above.count && parts.starts(with: above)
        && Bystander.isSelfSupervised(parts[above.count])
    }
    return shows ? chosen.top : nil
  }

  // MARK: Tensors

  private func assign(
    _ modules: [Int: String], _ inBlocks: Set<Int>, projections: Set<Int>, _ result: inout FoundNetwork
  ) {
    var parameters: [Int] = []
    var rest: [(entry: Int, relative: String)] = []
    var hasInput = [false, false, false]
    for node in tree.nodes.indices {
      for tensor in tree[node].tensors where isIn[tensor.entry] {
        let entry = entries[tensor.entry]
        let parts = tree.components(node) + [tensor.leaf]
        if Bystander.isCounter(tensor.leaf) {
          result.ignored.append(tensor.entry)
        } else if let module = modules[node] {
          result.canonical[tensor.entry] = module + "." + tensor.leaf
          if entry.shape?.isEmpty != true || inBlocks.contains(node) { parameters.append(tensor.entry) }
        } else if let (slot, name) = input(parts, entry), !hasInput[slot] {
          hasInput[slot] = true
          result.canonical[tensor.entry] = name
        } else if projections.contains(node) || Bystander.matches(parts) || isMute(entry) {
          result.ignored.append(tensor.entry)
        } else {
          let below = tree.isInside(node, chosen.top) ? chosen.top : 0
          rest.append(
            (tensor.entry, (tree.components(node, below: below) + [tensor.leaf]).joined(separator: ".")))
        }
      }
    }
    result.prefix = commonPrefix(parameters)
    leaveFlatAverages(&rest, &result)
    setNames(modules, rest, &result)
  }

  /// True for what can only be a counter: integers, and single numbers outside the network.
  private func isMute(_ entry: TensorEntry) -> Bool {
    guard let shape = entry.shape else { return false }
    return !entry.isFloatingPoint || shape.isEmpty
  }

  private func commonPrefix(_ parameters: [Int]) -> [Substring] {
    guard let first = parameters.first else { return [] }
    var prefix = Array(entries[first].path.split(separator: ".", omittingEmptySubsequences: false).dropLast())
    for index in parameters.dropFirst() {
      let parts = entries[index].path.split(separator: ".", omittingEmptySubsequences: false).dropLast()
      let shared = zip(parts, prefix).prefix { $0 == $1 }.count
      if shared < prefix.count { prefix.removeLast(prefix.count - shared) }
      if prefix.isEmpty { break }
    }
    return prefix
  }

  /// mmcv keeps averages as buffers beside the weights, with `_` in place of the dots.
  private func leaveFlatAverages(
    _ rest: inout [(entry: Int, relative: String)], _ result: inout FoundNetwork
  ) {
    guard rest.contains(where: { $0.relative.hasPrefix("ema_") }) else { return }
    let flat = Set(entries.map { "ema_" + $0.path.replacing(".", with: "_") })
    let twins = Set(rest.filter { flat.contains(entries[$0.entry].path) }.map(\.entry))
    result.ignored += twins.sorted()
    rest.removeAll { twins.contains($0.entry) }
  }

  /// Completes the map of names; what nothing explains gets the name that its spelling alone suggests.
  private func setNames(
    _ modules: [Int: String], _ rest: [(entry: Int, relative: String)], _ result: inout FoundNetwork
  ) {
    let relative = entries.indices.filter { isIn[$0] }.map { entry in
      let top = tree.path(chosen.top) + "."
      let path = entries[entry].path
      return path.hasPrefix(top) ? String(path.dropFirst(top.count)) : path
    }
    var names = NameMap(names: relative)
    for (entry, name) in rest { result.canonical[entry] = names.canonical(name) }
    let prefix = result.prefix
    var table: [String: String] = [:]
    for (entry, name) in result.canonical { table[result.shortened(entries[entry].path)] = name }
    names.learn(
      table: table, naming: naming(names.naming),
      modules: modules.map { (file: result.shortened(tree.path($0.key) + "."), canonical: $0.value) },
      blocks: blockPaths(result))
    names.setRemovedPrefix(prefix.joined(separator: "."))
    if chosen.stem != nil {
      names.setPrefix(tree.components(chosen.top).dropFirst(prefix.count).joined(separator: "."))
    }
    result.names = names
  }

  private func blockPaths(_ result: FoundNetwork) -> [String: String] {
    var paths: [String: String] = [:]
    for (stage, blocks) in chosen.trunk.stages.enumerated() {
      for (index, block) in blocks.enumerated() {
        guard let block else { continue }
        paths["layer\(stage + 1).\(index)"] = String(result.shortened(tree.path(block) + ".").dropLast())
      }
    }
    return paths
  }

  private func naming(_ bySpelling: TensorNaming) -> TensorNaming {
    guard let node = chosen.trunk.stageNodes.compactMap({ $0 }).first,
      bySpelling == .torchvision || bySpelling == .cifar
    else { return bySpelling }
    let blocks = chosen.trunk.blocks.prefix(1)
    let inner = blocks.flatMap { block in
      tree.modules(in: block).map { tree.components($0, below: block).map(String.init) }
    }
    switch NumberedWord(tree[node].component)?.word {
    case "layer#": return bySpelling
    case "res#" where inner.contains { $0.last == "norm" }: return .detectron
    case "stage#" where inner.contains { $0.first == "body" }: return .pytorchCV
    case "#" where inner.contains { $0 == ["conv1"] }: return .numbered
    default: return .other
    }
  }

  // MARK: Input and pool

  private func isInput(_ node: Int) -> Bool {
    tree[node].tensors.allSatisfy { input(tree.components(node) + [$0.leaf], entries[$0.entry]) != nil }
  }

  /// The name of a buffer that normalises the input, or of the exponent of a generalised mean; the number tells
  /// them apart.
  private func input(_ parts: [Substring], _ entry: TensorEntry) -> (Int, String)? {
    guard let leaf = parts.last, let shape = entry.shape, entry.isFloatingPoint else { return nil }
    let count = shape.reduce(1) { $0.multipliedReportingOverflow(by: $1).partialValue }
    var channels = 3
    if let stem = chosen.stem, case .convolution(_, let inputs, _) = tree[stem].layer { channels = inputs }
    if count == channels, !shape.isEmpty, shape.count <= 4, shape.max() == channels {
      if Self.means.contains(leaf) { return (0, "input.mean") }
      if Self.deviations.contains(leaf) { return (1, "input.std") }
    }
    if leaf == "p", shape.count <= 1,
      parts.dropLast().contains(where: { $0.contains("pool") || $0.lowercased().contains("gem") })
    {
      return (2, "pool.p")
    }
    return nil
  }
}
