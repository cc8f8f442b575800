/// Judges the tensors that a network does not use: what its predictions may depend on is refused.
package enum UnclaimedTensors {
  /// The names, as the file has them, of tensors that are no part of the network: counters, and what the search
  /// recognised.
  ///
  /// - Throws: `ArchitectureError.unexpectedTensor` with the first tensor that nothing explains.
  package static func judge(_ weights: WeightShapes) throws(ArchitectureError) -> [String] {
    let unclaimed = weights.unclaimed
    let isCounter = { (name: String) in
      Bystander.isCounter(name.split(separator: ".", omittingEmptySubsequences: false).last ?? "")
    }
    if let first = unclaimed.first(where: { !isCounter($0) }) {
      throw .unexpectedTensor(
        name: weights.fileName(of: first), found: weights[first] ?? [],
        ignore: patterns(
          unclaimed.filter { !isCounter($0) }.map(weights.fileName),
          beside: weights.claimed.map { weights.fileName(of: $0.name) },
          behind: weights.names.removedPrefix))
    }
    return weights.leftOut + unclaimed.map(weights.fileName)
  }

  /// The fewest patterns that match every one of `names` and none of `used`, from which the file's `prefix` is
  /// removed: whole modules where nothing in them is used.
  static func patterns(_ names: [String], beside used: [String], behind prefix: String) -> [String] {
    var open: Set<[Substring]> = []
    func keep(_ parts: [Substring]) {
      for count in 0..<parts.count { open.insert(Array(parts.prefix(count + 1))) }
    }
    keep(prefix.split(separator: "."))
    for name in used { keep(name.split(separator: ".", omittingEmptySubsequences: false)) }
    var seen: Set<String> = []
    var patterns: [String] = []
    for name in names {
      let parts = name.split(separator: ".", omittingEmptySubsequences: false)
      let count = (1...max(parts.count, 1)).first { !open.contains(Array(parts.prefix($0))) } ?? parts.count
      let pattern = parts.prefix(count).joined(separator: ".") + (count < parts.count ? ".*" : "")
      if seen.insert(pattern).inserted { patterns.append(pattern) }
    }
    return patterns
  }
}
