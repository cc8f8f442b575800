import FixresIR

/// Patterns around a value that several passes look for.
extension Rewriter {
  /// What may be assumed of the result of `node`.
  func traits(of node: NodeID) -> OpTraits {
    self[node].op.traits(self[node].operands.map { self[$0].type })
  }

  /// The node that is the only use of `value`; nil where there are more uses, none, or `value` is an output.
  func soleUser(of value: ValueID) -> NodeID? {
    isOutput(value) ? nil : onlyUser(of: value)
  }

  /// The convolution that computes `value`, if its result has a single use.
  func convolution(givingOnly value: ValueID) -> (node: NodeID, conv: Conv2D)? {
    guard let producer = producer(of: value), case .conv2d(let conv) = self[producer].op,
      soleUser(of: value) != nil
    else { return nil }
    return (producer, conv)
  }

  /// Replaces the result of `replaced` by that of `survivor` in every use and removes `replaced`; the result of `survivor`
  /// takes over the name, so that `compare` finds the value by name.
  mutating func absorb(_ replaced: NodeID, into survivor: NodeID) throws(IRError) {
    let old = self[replaced].result
    let name = self[old].name
    replaceUses(of: old, with: self[survivor].result)
    erase(replaced)
    try rename(self[survivor].result, to: name)
  }

  /// Replaces the result of `node` by its first operand in every use and removes `node`.
  mutating func bypass(_ node: NodeID) {
    replaceUses(of: self[node].result, with: self[node].operands[0])
    erase(node)
  }
}
