extension Checkpoint {
  /// Reduces names, in containers without nested dictionaries, to those below `key`, then removes wrapper
  /// prefixes.
  ///
  /// - Throws: `FormatError.noTensors`, or `.keyNotFound` where no name begins with `key`.
  mutating func takeNames(path: String, below key: String?) throws(FormatError) {
    guard !tensors.isEmpty || !unreadable.isEmpty else { throw .noTensors(path: path, entries: []) }
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
    noteConversions()
  }
}
