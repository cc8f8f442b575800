import FixresBase

/// Finds the state dictionary in the object that a training script saved, and reads its tensors.
struct TorchStateDict {
  /// The saved object.
  let graph: PickleGraph
  /// Reads its tensors.
  let reader: TorchTensorReader
  /// The file, for errors.
  let path: String

  private static let maximumDepth = 4
  private static let maximumNameByteCount = 1024

  /// Where in the object weights are looked for.
  struct Names {
    /// The dotted path of a dictionary or a prefix of names; nil to search.
    var key: String?
    /// Patterns of names that are left out.
    var ignore: [String] = []
    /// True to leave prefixes in place, for a shard whose index has the full names.
    var keepsNames = false
  }

  /// The chosen dictionary: its keys from the root, and the prefix of names that remains of `--key`.
  private struct Selection {
    var dictionary: PickleGraph.ID
    var keys: [String] = []
    var namePrefix = ""
  }

  /// The network that the object holds; without one the dictionary under `names.key`, or under the first
  /// wrapper that holds tensors.
  ///
  /// - Throws: `FormatError`.
  func read(_ names: Names, source: Checkpoint.Source) throws(FormatError) -> Checkpoint {
    try reader.checkCalls()
    if !names.keepsNames, let checkpoint = try readNetwork(names, source: source) { return checkpoint }
    let selection = try select(key: names.key)
    var checkpoint = Checkpoint(source: source)
    try readTensors(of: selection, into: &checkpoint)
    guard !checkpoint.tensors.isEmpty || !checkpoint.unreadable.isEmpty else {
      throw .noTensors(path: path, entries: self.names(in: selection.dictionary))
    }
    collectContext(selection.keys, into: &checkpoint)
    if names.keepsNames { return checkpoint }
    checkpoint.leaveOut(names.ignore)
    if !selection.namePrefix.isEmpty {
      NamePrefix.remove(selection.namePrefix, from: &checkpoint.tensors, ignored: &checkpoint.ignored)
    }
    let prefix = selection.namePrefix + NamePrefix.strip(&checkpoint.tensors, ignored: &checkpoint.ignored)
    checkpoint.renameUnreadable(without: prefix)
    let parts = selection.keys + (prefix.isEmpty ? [] : [prefix])
    checkpoint.wrapper = parts.isEmpty ? nil : parts.joined(separator: ", ")
    checkpoint.noteConversions()
    return checkpoint
  }

  // MARK: - Search of a network

  /// The checkpoint of the one network in the object, whatever dictionaries it is in; nil where none is found.
  private func readNetwork(
    _ names: Names, source: Checkpoint.Source
  ) throws(FormatError) -> Checkpoint? {
    guard moduleClass(graph.root) == nil else { return nil }
    if let count = graph.entryCount(graph.root) { try checkCount(count) }
    let tree = TorchTree(graph: graph, reader: reader)
    guard
      let found = try NetworkSearch.find(tree.entries, path: path, key: names.key, ignore: names.ignore)
    else { return nil }
    guard !tree.isCut, tree.entries.count <= Checkpoint.maximumTensorCount else {
      // Nothing may be left unseen.
      throw .tooManyTensors(path: path, count: tree.entries.count, limit: Checkpoint.maximumTensorCount)
    }
    var checkpoint = Checkpoint(source: source)
    for (index, entry) in tree.entries.enumerated() where found.canonical[index] != nil {
      let name = found.shortened(entry.path)
      switch try reader.value(tree.values[index], name: name) {
      case .tensor(let tensor): checkpoint.add(tensor)
      case .opaque(let constructor):
        checkpoint.ignored.append(name)
        checkpoint.unreadable[name] = .opaque(constructor: constructor)
      case .other: checkpoint.ignored.append(name)
      }
    }
    let used = Set(found.canonical.keys.map { tree.owners[$0] })
    let keys = tree.commonKeys(used)
    let open = tree.openPaths(used)
    collectContext(keys, used: open, into: &checkpoint)
    checkpoint.ignored += found.ignored.sorted().filter { open.contains(tree.keys[tree.owners[$0]]) }
      .map { found.shortened(tree.entries[$0].path) }
    let rest = found.prefix.dropFirst(keys.joined(separator: ".").split(separator: ".").count)
    let parts = keys + (rest.isEmpty ? [] : [rest.joined(separator: ".") + "."])
    checkpoint.wrapper = parts.isEmpty ? nil : parts.joined(separator: ", ")
    checkpoint.names = found.names
    checkpoint.notes += found.notes
    checkpoint.noteConversions()
    return checkpoint
  }

  // MARK: - Choice of the dictionary

  private func select(key: String?) throws(FormatError) -> Selection {
    if let module = moduleClass(graph.root) { throw .pickledModule(path: path, className: module) }
    guard let count = graph.entryCount(graph.root) else {
      throw .noTensors(path: path, entries: [graph.describe(graph.root)])
    }
    try checkCount(count)
    if let key { return try follow(key) }
    if let found = try find(in: graph.root, keys: []) { return found }
    for entry in graph.entries(graph.root) ?? [] {
      if let module = moduleClass(entry.value) { throw .pickledModule(path: path, className: module) }
    }
    throw .noTensors(path: path, entries: names(in: graph.root))
  }

  private func checkCount(_ count: Int) throws(FormatError) {
    guard count <= Checkpoint.maximumTensorCount else {
      throw .tooManyTensors(path: path, count: count, limit: Checkpoint.maximumTensorCount)
    }
  }

  /// The first wrapper, at any depth, that holds tensors; else `dictionary` itself where it holds some.
  private func find(in dictionary: PickleGraph.ID, keys: [String]) throws(FormatError) -> Selection? {
    guard let count = graph.entryCount(dictionary) else { return nil }
    try checkCount(count)
    if keys.count < Self.maximumDepth {
      for wrapper in Checkpoint.wrappers {
        guard let child = graph.lookup(wrapper, in: dictionary) else { continue }
        if let found = try find(in: child, keys: keys + [wrapper]) { return found }
      }
    }
    let holdsTensors = (graph.entries(dictionary) ?? []).contains { reader.isTensor($0.value) }
    return holdsTensors ? Selection(dictionary: dictionary, keys: keys) : nil
  }

  /// Follows the dotted path `key`: the longest dictionary keys first, since a key may contain dots; the rest
  /// is a prefix of names.
  private func follow(_ key: String) throws(FormatError) -> Selection {
    var selection = Selection(dictionary: graph.root)
    var rest = key.split(separator: ".").map(String.init)[...]
    descent: while !rest.isEmpty {
      for length in stride(from: rest.count, to: 0, by: -1) {
        let name = rest.prefix(length).joined(separator: ".")
        guard let child = graph.lookup(name, in: selection.dictionary), let count = graph.entryCount(child)
        else { continue }
        try checkCount(count)
        selection.dictionary = child
        selection.keys.append(name)
        rest = rest.dropFirst(length)
        continue descent
      }
      break
    }
    guard !rest.isEmpty else { return selection }
    selection.namePrefix = rest.joined(separator: ".") + "."
    let isPrefix = (graph.entries(selection.dictionary) ?? []).contains { entry in
      graph.string(entry.key).map { $0.utf8.starts(with: selection.namePrefix.utf8) } ?? false
    }
    guard isPrefix else {
      throw .keyNotFound(path: path, key: key, available: names(in: selection.dictionary))
    }
    return selection
  }

  /// The class of a pickled network; nil for everything else.
  private func moduleClass(_ id: PickleGraph.ID) -> String? {
    guard let object = graph.object(id), let state = object.state,
      graph.lookup("_modules", in: state) != nil || graph.lookup("_parameters", in: state) != nil
    else { return nil }
    let name = graph.describe(object.callable)
    // Protocol 0 and 1 build objects through a helper whose first argument is the class.
    guard name.hasSuffix("._reconstructor"), let first = graph.tuple(object.arguments)?.first else {
      return name
    }
    return graph.describe(.init(index: first))
  }

  /// Up to 16 keys with what they hold, for errors: `optimizer (dict)`.
  private func names(in id: PickleGraph.ID) -> [String] {
    let entries = graph.entries(id) ?? []
    var names = entries.prefix(16).map { entry in
      (graph.string(entry.key, limit: 128) ?? graph.scalar(entry.key) ?? "?")
        + " (\(graph.describe(entry.value)))"
    }
    if entries.count > 16 { names.append("\(entries.count - 16) more") }
    return names
  }

  // MARK: - Tensors

  private func readTensors(
    of selection: Selection, into checkpoint: inout Checkpoint
  ) throws(FormatError) {
    // Of equal keys the last value counts, at the position of the first, as in Python.
    var positions: [UTF8Key: Int] = [:]
    var entries: [(name: String, value: PickleGraph.ID)] = []
    for entry in graph.entries(selection.dictionary) ?? [] {
      guard let name = graph.string(entry.key, limit: Self.maximumNameByteCount) else { continue }
      if let position = positions[UTF8Key(name)] {
        entries[position].value = entry.value
      } else {
        positions[UTF8Key(name)] = entries.count
        entries.append((name, entry.value))
      }
    }
    for (name, id) in entries {
      switch try reader.value(id, name: name) {
      case .tensor(let tensor): checkpoint.add(tensor)
      case .opaque(let constructor):
        // A nested dictionary is no weight; any other object may be one.
        checkpoint.ignored.append(name)
        if reader.isTensor(id) || !graph.isDictionary(id) {
          checkpoint.unreadable[name] = .opaque(constructor: constructor)
        }
      case .other:
        checkpoint.ignored.append(name)
      }
    }
  }

  // MARK: - Entries outside the dictionary

  /// Lists the entries outside the dictionary at `keys`, on the path to it, as ignored, and keeps their
  /// scalars as metadata; those whose paths are in `used` hold tensors of the network.
  private func collectContext(
    _ keys: [String], used: Set<[String]> = [], into checkpoint: inout Checkpoint
  ) {
    var dictionary = graph.root
    for (level, key) in (keys.map(Optional.some) + [nil]).enumerated() {
      for entry in graph.entries(dictionary) ?? [] {
        guard let name = graph.string(entry.key, limit: Self.maximumNameByteCount), name != key else {
          continue
        }
        let path = keys.prefix(level) + [name]
        let isOutside = key != nil || (!used.isEmpty && graph.isDictionary(entry.value))
        if isOutside, !used.contains(Array(path)) { checkpoint.ignored.append(path.joined(separator: ".")) }
        collectFacts(name, entry.value, into: &checkpoint)
      }
      guard let key, let child = graph.lookup(key, in: dictionary) else { break }
      dictionary = child
    }
  }

  /// Keeps a scalar under its name, and those of `args`, `hyper_parameters` and the like as `args.name`.
  private func collectFacts(_ name: String, _ id: PickleGraph.ID, into checkpoint: inout Checkpoint) {
    if let text = graph.scalar(id) { return checkpoint.addMetadata(name, text) }
    guard ["args", "hyper_parameters", "config", "cfg", "hparams", "opt"].contains(name) else { return }
    let fields = graph.isDictionary(id) ? id : graph.object(id)?.state
    guard let fields, graph.entryCount(fields) ?? 0 <= Checkpoint.maximumTensorCount else { return }
    for entry in graph.entries(fields) ?? [] {
      guard let field = graph.string(entry.key, limit: 64), let text = graph.scalar(entry.value) else {
        continue
      }
      checkpoint.addMetadata(name + "." + field, text)
    }
  }
}
