import FixresBase

/// All tensors of a pickled object by their dotted paths, through its nested dictionaries, tuples and lists.
struct TorchTree {
  /// Limit on the depth of nested dictionaries.
  private static let maximumDepth = 32
  private static let maximumPathByteCount = 1024
  /// Limit on the items of a tuple or list that are looked at.
  private static let maximumItemCount = 64

  private let graph: PickleGraph
  private let reader: TorchTensorReader
  /// The tensors, in the order of the object.
  private(set) var entries: [TensorEntry] = []
  /// The value of each tensor.
  private(set) var values: [PickleGraph.ID] = []
  /// Index in `keys` of the dictionary that each tensor is in.
  private(set) var owners: [Int] = []
  /// The keys of each dictionary from the root.
  private(set) var keys: [[String]] = []

  /// True where the object holds more tensors or dictionaries than are read of any.
  private(set) var isCut = false

  private var seen: Set<PickleGraph.ID> = []

  /// Walks the object that `graph` holds; each dictionary is entered once, optimizers' never.
  init(graph: PickleGraph, reader: TorchTensorReader) {
    self.graph = graph
    self.reader = reader
    enter(graph.root, [])
  }

  private mutating func enter(_ dictionary: PickleGraph.ID, _ path: [String]) {
    guard seen.insert(dictionary).inserted else { return }
    guard path.count <= Self.maximumDepth else {
      isCut = true
      return
    }
    guard keys.count < Checkpoint.maximumTensorCount, entries.count < Checkpoint.maximumTensorCount else {
      isCut = true
      return
    }
    keys.append(path)
    let owner = keys.count - 1
    let prefix = path.isEmpty ? "" : path.joined(separator: ".") + "."
    for (name, value) in items(dictionary) {
      guard prefix.utf8.count + name.utf8.count <= Self.maximumPathByteCount else { continue }
      if reader.isTensor(value) {
        entries.append(reader.entry(value, path: prefix + name))
        values.append(value)
        owners.append(owner)
      } else if graph.isDictionary(value) || Self.isSequence(value, graph) {
        if !Bystander.isContainer(name) { enter(value, path + [name]) }
      } else if name.utf8.contains(UInt8(ascii: ".")), graph.object(value) != nil {
        // An object among parameters, such as a quantised one.
        entries.append(TensorEntry(path: prefix + name, shape: nil))
        values.append(value)
        owners.append(owner)
      }
    }
  }

  /// True for a tuple or list, such as `(state_dict, accuracy)`.
  static func isSequence(_ id: PickleGraph.ID, _ graph: PickleGraph) -> Bool {
    graph.kind(id) == .tuple || graph.kind(id) == .list
  }

  /// The first items of a tuple or list by their positions.
  private func sequence(_ id: PickleGraph.ID) -> [(name: String, value: PickleGraph.ID)] {
    var values =
      graph.tuple(id).map { $0.prefix(Self.maximumItemCount).map { PickleGraph.ID(index: $0) } } ?? []
    if graph.kind(id) == .list {
      graph.forEach(graph.chunks(graph[id])) { value in
        values.append(value)
        return values.count < Self.maximumItemCount
      }
    }
    return values.enumerated().map { ("\($0.offset)", $0.element) }
  }

  /// The items whose keys are strings or integers; of equal keys the last value, at the first's position. Those
  /// of a tuple or list have their positions as keys.
  private func items(_ dictionary: PickleGraph.ID) -> [(name: String, value: PickleGraph.ID)] {
    if Self.isSequence(dictionary, graph) { return sequence(dictionary) }
    var positions: [UTF8Key: Int] = [:]
    var items: [(name: String, value: PickleGraph.ID)] = []
    for entry in graph.entries(dictionary) ?? [] {
      guard
        let name = graph.string(entry.key, limit: Self.maximumPathByteCount)
          ?? graph.int(entry.key).map(String.init)
      else { continue }
      if let position = positions[UTF8Key(name)] {
        items[position].value = entry.value
      } else {
        positions[UTF8Key(name)] = items.count
        items.append((name, entry.value))
      }
    }
    return items
  }

  // MARK: Places of the network

  /// The keys that the dictionaries of index `used` have in common.
  func commonKeys(_ used: Set<Int>) -> [String] {
    var paths = used.map { keys[$0] }[...]
    guard var common = paths.popFirst() else { return [] }
    for path in paths { common = Array(zip(common, path).prefix { $0 == $1 }.map(\.0)) }
    return common
  }

  /// The paths of the dictionaries of index `used` and of those around them.
  func openPaths(_ used: Set<Int>) -> Set<[String]> {
    var paths: Set<[String]> = []
    for index in used {
      for length in 0...keys[index].count { paths.insert(Array(keys[index].prefix(length))) }
    }
    return paths
  }
}
