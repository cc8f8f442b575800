/// Judges the tensors that a network does not use: what its predictions may depend on is refused.
package enum UnclaimedTensors {
  /// The names, as the file has them, of tensors that are no part of the network: counters, and what the search
  /// recognised.
  ///
  /// - Throws: `ArchitectureError.unexpectedTensor` with the first tensor that nothing explains.
  package static func judge(_ weights: WeightShapes) throws(ArchitectureError) -> [String] {
    var ignored = weights.leftOut
    for name in weights.unclaimed {
      let leaf = name.split(separator: ".", omittingEmptySubsequences: false).last ?? ""
      guard Bystander.isCounter(leaf) else {
        throw .unexpectedTensor(name: weights.fileName(of: name), found: weights[name] ?? [])
      }
      ignored.append(weights.fileName(of: name))
    }
    return ignored
  }
}
