import FixresBase

extension Checkpoint {
  /// Creates an empty checkpoint for a reader to fill.
  init(source: Source) {
    self.init(
      source: source, wrapper: nil, tensors: [], unreadable: [:], ignored: [], metadata: [:], notes: [])
  }

  /// Limit on the entries of `metadata`.
  private static let maximumFactCount = 256
  /// Limit on the elements of all expanded views together: 16 MB of float32.
  private static let expansionLimit = 1 << 22

  /// Keeps a fact, unless it is long or there are too many.
  mutating func addMetadata(_ key: String, _ value: String) {
    guard metadata.count < Self.maximumFactCount, key.utf8.count <= 256, value.utf8.count <= 1024 else {
      return
    }
    metadata[key] = value
  }

  /// Adds a tensor; an expanded view (stride 0) beyond the limit becomes unreadable.
  ///
  /// Without the limit a file of a few bytes could ask for any amount of memory.
  mutating func add(_ tensor: CheckpointTensor) {
    let stored = tensor.bytes.count / tensor.elementType.byteCount
    let count = tensor.elementCount
    if count > stored {
      expandedElementCount = expandedElementCount.addingSaturated(count)
      guard expandedElementCount <= Self.expansionLimit else {
        unreadable[tensor.name] = .expanded(elementCount: count, storedCount: stored)
        ignored.append(tensor.name)
        return
      }
    }
    tensors.append(tensor)
  }

  /// Removes `prefix` from the names of unreadable entries that have it.
  mutating func renameUnreadable(without prefix: String) {
    guard !prefix.isEmpty else { return }
    var renamed: [String: UnreadableReason] = [:]
    for (name, reason) in unreadable {
      let rest = name.utf8.starts(with: prefix.utf8) ? String(name.utf8.dropFirst(prefix.utf8.count)) : nil
      renamed[rest ?? name] = reason
    }
    unreadable = renamed
  }

  /// Notes how many tensors of each element type will be widened or rounded to float32.
  mutating func noteConversions() {
    for (type, verb) in [(ElementType.float64, "rounded"), (.float16, "widened"), (.bfloat16, "widened")] {
      let count = tensors.count { $0.elementType == type }
      if count > 0 { notes.append("\(count) \(type.rawValue) tensors \(verb) to float32") }
    }
  }
}
