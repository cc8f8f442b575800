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

  /// The chosen dictionary: its keys from the root, and the prefix of names that remains of `--key`.
  private struct Selection {
    var dictionary: PickleGraph.ID
    var keys: [String] = []
    var namePrefix = ""
  }

  /// The checkpoint under `key`, or under the first wrapper that holds tensors.
  ///
  /// `keepsNames` leaves prefixes in place, for a shard whose index has the full names.
  ///
  /// - Throws: `FormatError`.
  func read(
    key: String?, source: Checkpoint.Source, keepsNames: Bool
  ) throws(FormatError) -> Checkpoint {
    let selection = try select(key: key)
    var checkpoint = Checkpoint(source: source)
    try readTensors(of: selection, into: &checkpoint)
    guard !checkpoint.tensors.isEmpty || !checkpoint.unreadable.isEmpty else {
      throw .noTensors(path: path, entries: names(in: selection.dictionary))
    }
    collectContext(of: selection, into: &checkpoint)
    if keepsNames { return checkpoint }
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

  /// Lists the entries outside the dictionary, on the path to it, as ignored, and keeps their scalars as
  /// metadata.
  private func collectContext(of selection: Selection, into checkpoint: inout Checkpoint) {
    var dictionary = graph.root
    for (level, key) in (selection.keys.map(Optional.some) + [nil]).enumerated() {
      for entry in graph.entries(dictionary) ?? [] {
        guard let name = graph.string(entry.key, limit: Self.maximumNameByteCount), name != key else {
          continue
        }
        let parents = selection.keys.prefix(level)
        if key != nil { checkpoint.ignored.append((parents + [name]).joined(separator: ".")) }
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
