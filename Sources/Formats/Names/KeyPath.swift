/// Resolves `--key`: the dotted path of a dictionary or a prefix of names, whole or its end where that is
/// unique.
enum KeyPath {
  /// The whole path that `key` stands for; nil where no name has it.
  ///
  /// - Throws: `FormatError.keyNotFound`, with what to say instead, where several places end in `key`.
  static func resolve(
    _ key: String, _ entries: [TensorEntry], path: String
  ) throws(FormatError) -> [Substring]? {
    let wanted = parts(key)
    guard !wanted.isEmpty else { return [] }
    var places: Set<[Substring]> = []
    for entry in entries {
      let have = parts(entry.path)
      if have.count > wanted.count, have.starts(with: wanted) { return wanted }
      guard have.count > wanted.count, places.count < 64 else { continue }
      for start in 0..<(have.count - wanted.count)
      where have[start..<(start + wanted.count)].elementsEqual(wanted) {
        places.insert(Array(have[..<(start + wanted.count)]))
        break
      }
    }
    if places.count == 1, let only = places.first { return only }
    guard !places.isEmpty else { return nil }
    throw .keyNotFound(path: path, key: key, available: places.map { $0.joined(separator: ".") }.sorted())
  }

  /// True where `path` is below `key`.
  static func isBelow(_ path: String, _ key: [Substring]) -> Bool {
    let text = key.joined(separator: ".") + "."
    return key.isEmpty || path.utf8.starts(with: text.utf8)
  }

  private static func parts(_ path: String) -> [Substring] { path.split(separator: ".") }
}
