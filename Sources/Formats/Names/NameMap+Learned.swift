extension NameMap {
  /// What a search found out about the names of a file.
  struct Learned: Sendable {
    /// torchvision's name by the file's.
    var table: [String: String]
    /// The file's module by torchvision's.
    var modules: [String: String] = [:]
    /// The file's path of a block by torchvision's.
    var blocks: [String: String]
    /// The file's module inside a block by torchvision's, as some block has it.
    var rests: [String: String] = [:]
    /// What stands above the network's names, with its dot.
    var prefix = ""
    /// What the file has in front of the names of the table.
    var removedPrefix = ""

    /// The name that the file has, or would have by the look of its other names; nil where nothing tells.
    func sourceName(of canonical: String) -> String? {
      guard let dot = canonical.lastIndex(of: ".") else { return nil }
      let module = String(canonical[..<dot])
      let leaf = canonical[dot...]
      if let known = modules[module] { return known + leaf }
      let parts = module.split(separator: ".", maxSplits: 2)
      guard parts.count == 3, parts[0].hasPrefix("layer"), let rest = rests[String(parts[2])],
        let block = blockPath(parts[0] + "." + parts[1])
      else { return nil }
      return block + "." + rest + leaf
    }

    /// The path of a block that the file lacks follows from that of a neighbour by their numbers.
    private func blockPath(_ canonical: Substring) -> String? {
      if let known = blocks[String(canonical)] { return known }
      let parts = canonical.split(separator: ".")
      guard parts.count == 2, let index = Int(parts[1]) else { return nil }
      for (block, path) in blocks.sorted(by: { $0.key < $1.key }) {
        let other = block.split(separator: ".")
        guard other.count == 2, other[0] == parts[0], let known = Int(other[1]) else { continue }
        var components = path.split(separator: ".", omittingEmptySubsequences: false)
        guard let last = components.last, let word = NumberedWord(last, atEnd: true) else { continue }
        let number = word.text(word.number + index - known)
        components[components.count - 1] = number[...]
        return components.joined(separator: ".")
      }
      return nil
    }
  }

  /// Replaces translation by spelling by a table.
  ///
  /// - Parameters:
  ///   - table: torchvision's name of each tensor by the file's.
  ///   - naming: The family of names.
  ///   - modules: The network's modules, the file's path with its last dot.
  ///   - blocks: The file's path of each block by torchvision's.
  mutating func learn(
    table: [String: String], naming: TensorNaming, modules: [(file: String, canonical: String)],
    blocks: [String: String]
  ) {
    var result = Learned(table: table, blocks: blocks)
    for (file, canonical) in modules {
      let path = String(file.dropLast())
      result.modules[canonical] = path
      let parts = canonical.split(separator: ".", maxSplits: 2)
      guard parts.count == 3, let block = blocks[parts[0] + "." + parts[1]],
        path.utf8.starts(with: (block + ".").utf8)
      else { continue }
      result.rests[String(parts[2])] = String(path.dropFirst(block.count + 1))
    }
    learned = result
    self.naming = naming
  }

  /// What the file has in front of all names, without its last dot.
  var removedPrefix: String { learned?.removedPrefix ?? "" }

  /// Says what the file has in front of all names, without its last dot.
  mutating func setRemovedPrefix(_ prefix: String) { learned?.removedPrefix = prefix }

  /// Says what stands above the network's names, without its dot.
  mutating func setPrefix(_ prefix: String) { learned?.prefix = prefix.isEmpty ? "" : prefix + "." }
}
