extension PickleGraph {
  /// One item of a dictionary.
  typealias Entry = (key: ID, value: ID)

  /// Subclasses of dict, by their names in Python 2 and 3.
  private static let dictionaryClasses: Set<String> = [
    "collections.OrderedDict", "collections.defaultdict", "collections.Counter", "__builtin__.dict",
    "builtins.dict",
  ]

  /// The chunks of a dict or an instance of one of its subclasses; nil for other values.
  ///
  /// `initial` is the list of pairs that Python 2 passes to the constructor of OrderedDict.
  private func dictionaryChunks(_ id: ID) -> (items: Chunks, initial: Chunks?)? {
    let node = self[id]
    if node.kind == .dictionary { return (chunks(node), nil) }
    guard let object = object(id) else { return nil }
    let isDictionary = globalName(object.callable).map(Self.dictionaryClasses.contains) ?? false
    guard isDictionary || object.items.first != Self.noChunk else { return nil }
    guard let first = tuple(object.arguments)?.first else { return (object.items, nil) }
    let list = self[ID(index: first)]
    return (object.items, isDictionary && list.kind == .list ? chunks(list) : nil)
  }

  /// True for a dict or an instance of one of its subclasses.
  func isDictionary(_ id: ID) -> Bool { dictionaryChunks(id) != nil }

  /// Whether a dictionary can be made from `arguments`: nothing, a dictionary, or a list or tuple of pairs; `known` holds
  /// those that have been looked at, as many calls may share one.
  func holdsPairs(_ arguments: ID, known: inout Set<ID>) -> Bool {
    guard let items = tuple(arguments), items.count <= 1 else { return false }
    guard let only = items.first.map({ ID(index: $0) }), known.insert(only).inserted else { return true }
    func isPair(_ id: ID) -> Bool {
      switch kind(id) {
      case .tuple: tuple(id)?.count == 2
      case .list: hasTwo(chunks(self[id]))
      default: false
      }
    }
    func hasTwo(_ chunks: Chunks) -> Bool {
      var count = 0
      forEach(chunks) { _ in
        count += 1
        return count <= 2
      }
      return count == 2
    }
    switch kind(only) {
    case .tuple: return (tuple(only) ?? []).allSatisfy { isPair(ID(index: $0)) }
    case .list:
      var holds = true
      forEach(chunks(self[only])) {
        holds = isPair($0)
        return holds
      }
      return holds
    default: return isDictionary(only)
    }
  }

  /// The number of entries of a dictionary, duplicates counted; nil for other values.
  func entryCount(_ id: ID) -> Int? {
    guard let (items, initial) = dictionaryChunks(id) else { return nil }
    return count(items) / 2 + (initial.map(count) ?? 0)
  }

  private func count(_ chunks: Chunks) -> Int {
    var total = 0
    var chunk = chunks.first
    while chunk != Self.noChunk {
      total += Int(pool[Int(chunk)])
      chunk = pool[Int(chunk) + 1]
    }
    return total
  }

  /// The entries in order, all those of equal keys among them: the last one is the dictionary's value.
  func entries(_ id: ID) -> [Entry]? {
    guard let (items, initial) = dictionaryChunks(id) else { return nil }
    var result: [Entry] = []
    if let initial {
      forEach(initial) { pair in
        if let pair = self.pair(pair) { result.append(pair) }
        return true
      }
    }
    var key: ID?
    forEach(items) { child in
      if let present = key {
        result.append((present, child))
        key = nil
      } else {
        key = child
      }
      return true
    }
    return result
  }

  /// The items of a tuple or list of two.
  private func pair(_ id: ID) -> Entry? {
    if let items = tuple(id, count: 2) { return (items[0], items[1]) }
    let node = self[id]
    guard node.kind == .list else { return nil }
    // Stops at the third item: a hostile pickle may refer to one long list many times.
    var items: [ID] = []
    forEach(chunks(node)) { item in
      items.append(item)
      return items.count < 3
    }
    return items.count == 2 ? (items[0], items[1]) : nil
  }

  /// The value of the last entry whose key is the string `key`.
  func lookup(_ key: String, in id: ID) -> ID? {
    var found: ID?
    for entry in entries(id) ?? [] where string(entry.key) == key { found = entry.value }
    return found
  }

  /// The type of a value as Python names it, for errors: `dict`, `int`, `argparse.Namespace`.
  func describe(_ id: ID) -> String {
    switch kind(id) {
    case .none: "None"
    case .true, .false: "bool"
    case .int, .bigInt: "int"
    case .float: "float"
    case .string: "str"
    case .bytes: "bytes"
    case .global: globalName(id) ?? "class"
    case .tuple: "tuple"
    case .list: "list"
    case .dictionary: "dict"
    case .set: "set"
    case .object: object(id).flatMap { globalName($0.callable) } ?? "object"
    case .persistent: className(self[id].low) ?? "storage"
    }
  }

  /// The class in a persistent id `('module', class, file, source)` of the legacy form.
  private func className(_ index: UInt32) -> String? {
    guard let items = tuple(ID(index: index), count: 2, orMore: true), string(items[0]) == "module" else {
      return nil
    }
    return globalName(items[1])
  }

  /// A scalar as text; nil for other values and for text of more than 256 bytes.
  func scalar(_ id: ID) -> String? {
    switch kind(id) {
    case .true: "True"
    case .false: "False"
    case .int: int(id).map(String.init)
    case .float: double(id).map { $0.description }
    case .string: string(id, limit: 256)
    default: nil
    }
  }
}
