import FixresBase

/// The values that a pickle describes, as data: nothing is called, nothing is imported.
///
/// Nodes are 16 bytes in one array and children lie in one pool, so that a hostile stream of one-byte opcodes
/// costs a few times its own size at the most, and nothing here is ever walked by recursion.
struct PickleGraph: Sendable {
  struct ID: Hashable, Sendable {
    var index: UInt32
  }

  enum Kind: UInt8, Sendable {
    case none, `true`, `false`, int, bigInt, float, string, bytes
    case global, tuple, list, dictionary, set, object, persistent
  }

  /// `low` and `high` hold: int, float: the bits in `high`; text: byte count and offset; tuple: count and pool
  /// start; list, dictionary, set: first and last chunk; global: module and name; object: its index; persistent: its id.
  struct Node: Sendable {
    var kind: Kind
    var low: UInt32 = 0
    var high: UInt64 = 0
  }

  /// What REDUCE, NEWOBJ, INST, OBJ or EXT built: never run, only described.
  struct Object: Sendable {
    var callable: ID
    var arguments: ID
    /// The argument of the last BUILD.
    var state: ID?
    /// Chunks of what SETITEM(S) and of what APPEND(S) and ADDITEMS added.
    var items = Chunks()
    var elements = Chunks()
  }

  /// A chain of pool segments, each `[count, next, child...]`; `none` ends it.
  struct Chunks: Sendable {
    var first: UInt32 = PickleGraph.noChunk
    var last: UInt32 = PickleGraph.noChunk
  }

  static let noChunk = UInt32.max

  /// The stream, which text nodes point into.
  let bytes: Bytes
  var nodes: [Node] = []
  var pool: [UInt32] = []
  var objects: [Object] = []
  var root = ID(index: 0)

  init(_ bytes: Bytes) { self.bytes = bytes }

  var footprint: Int { nodes.count * 16 + pool.count * 4 + objects.count * MemoryLayout<Object>.stride }

  subscript(id: ID) -> Node {
    get { nodes[Int(id.index)] }
    set { nodes[Int(id.index)] = newValue }
  }

  // MARK: - Reading

  func kind(_ id: ID) -> Kind { self[id].kind }

  func int(_ id: ID) -> Int? {
    let node = self[id]
    switch node.kind {
    case .int: return Int(Int64(bitPattern: node.high))
    case .true: return 1
    case .false: return 0
    default: return nil
    }
  }

  func double(_ id: ID) -> Double? {
    let node = self[id]
    return node.kind == .float ? Double(bitPattern: node.high) : nil
  }

  /// The text of a string node of at most `limit` bytes; nil for other nodes and for invalid UTF-8.
  func string(_ id: ID, limit: Int = 4096) -> String? {
    guard self[id].kind == .string, Int(self[id].low) <= limit, let text = text(id) else { return nil }
    return text.withUnsafeBytes { String(validating: $0, as: UTF8.self) }
  }

  /// The bytes of a string or bytes node.
  func text(_ id: ID) -> Bytes? {
    let node = self[id]
    guard node.kind == .string || node.kind == .bytes || node.kind == .bigInt else { return nil }
    return try? bytes.slice(Int(node.high), Int(node.low))
  }

  func tuple(_ id: ID) -> ArraySlice<UInt32>? {
    let node = self[id]
    guard node.kind == .tuple else { return nil }
    return pool[Int(node.high)..<Int(node.high) + Int(node.low)]
  }

  /// A tuple's items, where it has exactly `count`, or at least that many when `orMore`.
  func tuple(_ id: ID, count: Int, orMore: Bool = false) -> [ID]? {
    guard let items = tuple(id), orMore ? items.count >= count : items.count == count else { return nil }
    return items.prefix(max(count, 16)).map { ID(index: $0) }
  }

  /// `module.name` of a global.
  func globalName(_ id: ID) -> String? {
    let node = self[id]
    guard node.kind == .global, let module = string(ID(index: node.low)),
      let name = string(ID(index: UInt32(truncatingIfNeeded: node.high)))
    else { return nil }
    return module + "." + name
  }

  func object(_ id: ID) -> Object? {
    let node = self[id]
    return node.kind == .object ? objects[Int(node.low)] : nil
  }

  /// Calls `body` with every child of `chunks`, in order, until it returns false.
  func forEach(_ chunks: Chunks, _ body: (ID) -> Bool) {
    var chunk = chunks.first
    while chunk != Self.noChunk {
      let start = Int(chunk)
      for slot in start + 2..<start + 2 + Int(pool[start]) where !body(ID(index: pool[slot])) { return }
      chunk = pool[start + 1]
    }
  }

  func chunks(_ node: Node) -> Chunks {
    Chunks(first: node.low, last: UInt32(truncatingIfNeeded: node.high))
  }
}
