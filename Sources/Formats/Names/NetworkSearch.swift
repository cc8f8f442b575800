/// Finds the one residual network among named tensors, whatever stands above its names.
///
///     names -> tree of modules -> residual blocks -> places where stages of them hang (trunks)
///           -> the trunk to read -> torchvision's name of every tensor
///
/// Every step is linear in the number of tensors.
package struct NetworkSearch {
  /// The file, for errors.
  let path: String
  /// All tensors of the file.
  let entries: [TensorEntry]
  private(set) var tree: ModuleTree
  private var notes: [String] = []
  private var ignored: [Int] = []
  /// False for the entries that are not searched.
  private var isIn: [Bool]

  /// A trunk with the nodes above it.
  struct Candidate {
    var trunk: BlockFinder.Trunk
    /// The convolution that reads pictures; nil where there is none.
    var stem: Int?
    /// The lowest node above stages and stem.
    var top: Int
    /// The highest node that no other trunk is below.
    var scope = 0
  }

  /// The network among `entries`; nil where no stages of residual blocks are found, or no name is below `key`.
  ///
  /// - Parameters:
  ///   - path: The file, for errors.
  ///   - key: A dotted path; only what is below it is searched.
  ///   - ignore: Patterns of names that are left out.
  /// - Throws: `FormatError.keyNotFound`, `.severalNetworks`, or `.architecture` for a family of networks that
  ///   is not supported.
  package static func find(
    _ entries: [TensorEntry], path: String, key: String? = nil, ignore: [String] = []
  ) throws(FormatError) -> FoundNetwork? {
    var below: [Substring] = []
    if let key {
      guard let resolved = try KeyPath.resolve(key, entries, path: path) else { return nil }
      below = resolved
    }
    let patterns = ignore.map { NamePattern($0) }
    let isIn = entries.map { entry in
      KeyPath.isBelow(entry.path, below) && !patterns.contains { $0.matches(entry.path) }
    }
    var search = NetworkSearch(
      path: path, entries: entries, tree: ModuleTree(entries, where: isIn), isIn: isIn)
    return try search.run()
  }

  private init(path: String, entries: [TensorEntry], tree: ModuleTree, isIn: [Bool]) {
    self.path = path
    self.entries = entries
    self.tree = tree
    self.isIn = isIn
    ignored = isIn.indices.filter { !isIn[$0] }
  }

  private mutating func run() throws(FormatError) -> FoundNetwork? {
    var candidates = candidates()
    guard !candidates.isEmpty else { return nil }
    setScopes(&candidates)
    let chosen = try choose(candidates)
    try refuseFamilies(chosen)
    let mapper = NetworkNames(entries: entries, tree: tree, isIn: isIn, chosen: chosen)
    var found = try mapper.found(path: path)
    found.ignored += ignored
    found.notes = notes + found.notes
    return found
  }

  // MARK: Candidates

  private func candidates() -> [Candidate] {
    let found = BlockFinder(tree, entries).trunks()
    guard !found.isEmpty else { return [] }
    let blocks = Set(found.flatMap(\.blocks))
    let stems = tree.nodes.indices.filter { node in
      StemNames.readsImages(tree[node].layer) && !tree.ancestors(node).contains { blocks.contains($0) }
    }
    // For each node the one stem below it; -1 for several.
    var below: [Int: Int] = [:]
    for stem in stems {
      for node in tree.ancestors(stem) { below[node] = below[node] == nil ? stem : -1 }
    }
    var candidates = found.map { Candidate(trunk: $0, stem: nil, top: $0.node) }
    let above = candidates.map { tree.ancestors($0.trunk.node) }
    // Trunks below each node, and those of which it is the nearest above a stem.
    var trunks: [Int: Int] = [:]
    var nearest: [Int: Int] = [:]
    for ancestors in above {
      for node in ancestors { trunks[node, default: 0] += 1 }
      if let top = ancestors.first(where: { below[$0] != nil }) { nearest[top, default: 0] += 1 }
    }
    for index in candidates.indices {
      guard let top = above[index].first(where: { below[$0] != nil }), let stem = below[top], stem >= 0 else {
        continue
      }
      // A trunk below that is nearer to a stem owns it.
      if trunks[top] == nearest[top] { (candidates[index].stem, candidates[index].top) = (stem, top) }
    }
    return separate(candidates)
  }

  /// The candidates that are networks: of those that share a stem the one that hangs nearest to it, and none
  /// where several do (a network of another kind); without a stem those that are spelled as ResNets are.
  private func separate(_ all: [Candidate]) -> [Candidate] {
    let withStem = all.filter { $0.stem != nil }
    guard !withStem.isEmpty else {
      return all.filter { candidate in
        let names = candidate.trunk.stageNodes.compactMap { $0 }.prefix(1).map { tree[$0].component }
        return names.contains { $0.hasPrefix("layer") } || tree[candidate.trunk.node].component == "stages"
      }
    }
    let distances = withStem.map { tree.components($0.trunk.node, below: $0.top).count }
    // By stem, the least distance and how many have it.
    var least: [Int: (distance: Int, count: Int)] = [:]
    for (candidate, distance) in zip(withStem, distances) {
      guard let stem = candidate.stem else { continue }
      let known = least[stem] ?? (.max, 0)
      if distance < known.distance { least[stem] = (distance, 1) }
      if distance == known.distance { least[stem] = (distance, known.count + 1) }
    }
    return zip(withStem, distances).filter { candidate, distance in
      candidate.stem.flatMap { least[$0] }.map { $0 == (distance, 1) } ?? false
    }.map(\.0)
  }

  private func setScopes(_ candidates: inout [Candidate]) {
    var trunksBelow: [Int: Int] = [:]
    for candidate in candidates {
      for node in tree.ancestors(candidate.top) { trunksBelow[node, default: 0] += 1 }
    }
    for index in candidates.indices {
      let top = candidates[index].top
      candidates[index].scope = tree.ancestors(top).last { trunksBelow[$0] == 1 } ?? top
    }
  }

  // MARK: Choice

  private mutating func choose(_ all: [Candidate]) throws(FormatError) -> Candidate {
    var candidates: [Candidate] = []
    var taken: Set<[String]> = []
    for candidate in all {
      // The same stored data again: a module that is registered under two names.
      if let identities = identities(candidate), !taken.insert(identities).inserted {
        leaveOut(candidate)
      } else {
        candidates.append(candidate)
      }
    }
    if candidates.count == 2,
      let average = candidates.firstIndex(where: { Bystander.isAverage(tree.components($0.scope)) }),
      !Bystander.isAverage(tree.components(candidates[1 - average].scope))
    {
      let (taken, other) = (candidates[average], candidates[1 - average])
      notes.append(
        "took the averaged weights (EMA) under \(tree.path(taken.scope)), not those under "
          + "\(tree.path(other.scope)) (--key chooses)")
      leaveOut(other)
      return taken
    }
    if candidates.count == 1 { return candidates[0] }
    throw .severalNetworks(
      path: path, count: candidates.count,
      places: candidates.prefix(16).map {
        NetworkPlace(key: tree.path($0.scope), blocks: $0.trunk.stages.map(\.count))
      })
  }

  private mutating func leaveOut(_ candidate: Candidate) {
    for module in tree.modules(in: candidate.scope) {
      for tensor in tree[module].tensors {
        isIn[tensor.entry] = false
        ignored.append(tensor.entry)
      }
    }
  }

  /// What tells the stored data of the tensors in the candidate's blocks; nil where one cannot be told.
  private func identities(_ candidate: Candidate) -> [String]? {
    var identities: [String] = []
    for module in candidate.trunk.blocks.lazy.flatMap({ tree.modules(in: $0) }) {
      for tensor in tree[module].tensors where entries[tensor.entry].shape?.isEmpty == false {
        guard let identity = entries[tensor.entry].identity else { return nil }
        identities.append(identity)
      }
    }
    return identities
  }

  /// Refuses networks of residual blocks whose names show that they are of another family.
  private func refuseFamilies(_ chosen: Candidate) throws(FormatError) {
    for module in tree.modules(in: 0) {
      let isBelow = tree.isInside(module, chosen.top)
      for tensor in tree[module].tensors where isIn[tensor.entry] {
        let parts = tree.components(module, below: isBelow ? chosen.top : 0) + [tensor.leaf]
        let feature =
          isBelow ? UnsupportedFamily.feature(parts) : UnsupportedFamily.reparametrisation(parts)
        guard let feature, !Bystander.matches(parts) else { continue }
        throw .architecture(
          path: path, .unsupported(feature: feature, evidence: entries[tensor.entry].path))
      }
    }
  }
}
