extension Checkpoint {
  /// Keeps the tensors of the network that is found below `key`, and what nothing explains; without a network
  /// reduces names to those below `key` and removes wrapper prefixes.
  ///
  /// For containers without nested dictionaries.
  ///
  /// - Parameter ignore: Patterns of names that are left out.
  /// - Throws: `FormatError.noTensors`, `.keyNotFound` where no name begins with `key`, or what the search
  ///   throws.
  mutating func takeNames(path: String, below key: String?, ignore: [String]) throws(FormatError) {
    guard !tensors.isEmpty || !unreadable.isEmpty else { throw .noTensors(path: path, entries: []) }
    var entries = tensors.map {
      TensorEntry(path: $0.name, shape: $0.shape, isFloatingPoint: $0.elementType.isFloatingPoint)
    }
    let opaque = unreadable.keys.sorted()
    entries += opaque.map { TensorEntry(path: $0, shape: nil) }
    if let found = try NetworkSearch.find(entries, path: path, key: key, ignore: ignore) {
      take(found, opaque: opaque)
    } else {
      leaveOut(ignore)
      try takeNames(path: path, below: key)
    }
    noteConversions()
  }

  /// Moves the tensors whose names match one of `patterns` to what is ignored.
  mutating func leaveOut(_ patterns: [String]) {
    guard !patterns.isEmpty else { return }
    let patterns = patterns.map { NamePattern($0) }
    let isOut = { (name: String) in patterns.contains { $0.matches(name) } }
    ignored += tensors.map(\.name).filter(isOut)
    tensors.removeAll { isOut($0.name) }
    unreadable = unreadable.filter { !isOut($0.key) }
  }

  private mutating func take(_ found: FoundNetwork, opaque: [String]) {
    let count = tensors.count
    ignored += found.ignored.filter { $0 < count }.map { tensors[$0].name }
    for index in found.ignored where index >= count { unreadable[opaque[index - count]] = nil }
    tensors = tensors.enumerated().compactMap { index, tensor in
      guard found.canonical[index] != nil else { return nil }
      var tensor = tensor
      tensor.name = found.shortened(tensor.name)
      return tensor
    }
    let prefix = found.prefix.isEmpty ? "" : found.prefix.joined(separator: ".") + "."
    renameUnreadable(without: prefix)
    wrapper = prefix.isEmpty ? nil : prefix
    names = found.names
    notes += found.notes
  }

  private mutating func takeNames(path: String, below key: String?) throws(FormatError) {
    var prefix = ""
    if let key, !key.isEmpty {
      prefix = key.hasSuffix(".") ? key : key + "."
      guard tensors.contains(where: { $0.name.utf8.starts(with: prefix.utf8) }) else {
        let names =
          tensors.prefix(16).map(\.name) + (tensors.count > 16 ? ["\(tensors.count - 16) more"] : [])
        throw .keyNotFound(path: path, key: key, available: names)
      }
      NamePrefix.remove(prefix, from: &tensors, ignored: &ignored)
    }
    prefix += NamePrefix.strip(&tensors, ignored: &ignored)
    renameUnreadable(without: prefix)
    wrapper = prefix.isEmpty ? nil : prefix
  }
}
