/// Removes the prefixes that training wrappers add to every name: DataParallel, torch.compile, Lightning.
enum NamePrefix {
  private static let known = ["_orig_mod.", "module.", "model.", "net."]

  /// Removes the known prefixes that all weights have, and returns them joined; empty where there is none.
  ///
  /// Tensors without it, such as a counter or the class weights of a loss, move from `tensors` to `ignored`.
  static func strip(_ tensors: inout [CheckpointTensor], ignored: inout [String]) -> String {
    var prefix = ""
    // Wrappers nest two or three deep.
    for _ in 0..<8 {
      guard let next = known.first(where: { carries(tensors, prefix + $0) }) else { break }
      prefix += next
    }
    remove(prefix, from: &tensors, ignored: &ignored)
    return prefix
  }

  /// Keeps the tensors whose names begin with `prefix`, and removes it from them.
  static func remove(_ prefix: String, from tensors: inout [CheckpointTensor], ignored: inout [String]) {
    guard !prefix.isEmpty else { return }
    var kept: [CheckpointTensor] = []
    kept.reserveCapacity(tensors.count)
    for var tensor in tensors {
      if hasPrefix(tensor.name, prefix) {
        tensor.name = String(tensor.name.utf8.dropFirst(prefix.utf8.count)) ?? tensor.name
        kept.append(tensor)
      } else {
        ignored.append(tensor.name)
      }
    }
    tensors = kept
  }

  /// True where at least one weight has `prefix` and no weight without it could belong to the network.
  private static func carries(_ tensors: [CheckpointTensor], _ prefix: String) -> Bool {
    var found = false
    for tensor in tensors {
      if hasPrefix(tensor.name, prefix), tensor.name.utf8.count > prefix.utf8.count {
        found = found || isWeight(tensor)
      } else if isWeight(tensor), belongsToNetwork(tensor) {
        return false
      }
    }
    return found
  }

  private static func isWeight(_ tensor: CheckpointTensor) -> Bool {
    tensor.elementType.isFloatingPoint && !tensor.shape.isEmpty
  }

  /// False for the class weights of a loss and the mean and std of a normalisation layer.
  private static func belongsToNetwork(_ tensor: CheckpointTensor) -> Bool {
    let name = tensor.name
    let parts = name.utf8.split(separator: UInt8(ascii: "."))
    guard let last = parts.last.map({ String($0) ?? "" }), let first = parts.first.map({ String($0) ?? "" })
    else { return true }
    let outsiders = ["criterion", "loss", "loss_fn", "normalize", "normalization", "metric", "metrics"]
    if parts.count > 1, outsiders.contains(first) { return false }
    return parts.count > 1 || !["mean", "std"].contains(last)
  }

  private static func hasPrefix(_ name: String, _ prefix: String) -> Bool {
    name.utf8.starts(with: prefix.utf8)
  }
}
