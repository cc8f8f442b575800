import FixresIR

/// What passes ask of the graph around a value.
extension Rewriter {
  /// The one node that reads `value` once, where nothing else reads it and the graph does not give it out.
  func soleUser(of value: ValueID) -> NodeID? {
    guard !isOutput(value) else { return nil }
    let users = users(of: value)
    return users.count == 1 ? users[0] : nil
  }

  /// The convolution that makes `value` and whose result nothing but one node reads.
  func convolution(givingOnly value: ValueID) -> (node: NodeID, conv: Conv2D)? {
    guard let producer = producer(of: value), case .conv2d(let conv) = self[producer].op,
      soleUser(of: value) != nil
    else { return nil }
    return (producer, conv)
  }

  /// Gives the result of `survivor` to every reader of `replaced`'s and takes `replaced` out; the result is then
  /// called as the replaced one was, so that `compare` meets it by name.
  mutating func absorb(_ replaced: NodeID, into survivor: NodeID) throws(IRError) {
    let old = self[replaced].result
    let name = self[old].name
    replaceUses(of: old, with: self[survivor].result)
    erase(replaced)
    try rename(self[survivor].result, to: name)
  }

  /// Gives the operand of `node` to every reader of its result and takes `node` out.
  mutating func bypass(_ node: NodeID) {
    replaceUses(of: self[node].result, with: self[node].operands[0])
    erase(node)
  }
}
