import FixresBase

/// The values that a pickle describes, as data: nothing is called, nothing is imported.
///
/// A node has 16 bytes and refers to its children by index, so that a stream of one-byte opcodes takes a
/// small multiple of its own size, shared values are one node, and cycles are harmless. No function here
/// recurses over the graph.
///
///     kind                    low                  high
///     int                     -                    the value, two's complement
///     float                   -                    IEEE 754 binary64
///     string, bytes, bigInt   byte count           offset in the stream: text is not copied
///     tuple                   count                index of the first child in `pool`
///     list, dictionary, set   first chunk          last chunk; of a dictionary: key, value, key, value, ...
///     global                  module (node)        name (node)
///     object                  index in `objects`   -
///     persistent              id (node)            -
///
/// A container grows by chunks `[count, next chunk, child, child, ...]` of `pool`, one for each APPENDS or
/// SETITEMS.
struct PickleGraph: Sendable {
  /// Index of a node.
  struct ID: Hashable, Sendable {
    var index: UInt32
  }

  /// The type of a value.
  enum Kind: UInt8, Sendable {
    case none, `true`, `false`, int, bigInt, float, string, bytes
    case global, tuple, list, dictionary, set, object, persistent
  }

  /// One value; the table at `PickleGraph` says what `low` and `high` hold.
  struct Node: Sendable {
    var kind: Kind
    var low: UInt32 = 0
    var high: UInt64 = 0
  }

  /// A call that REDUCE, NEWOBJ, INST, OBJ or EXT asks for: recorded, never made.
  struct Object: Sendable {
    /// The function or class.
    var callable: ID
    /// A tuple.
    var arguments: ID
    /// The argument of the last BUILD; nil where there was none.
    var state: ID?
    /// Keys and values added by SETITEM(S).
    var items = Chunks()
    /// Values added by APPEND(S) and ADDITEMS.
    var elements = Chunks()
  }

  /// A chain of chunks `[count, next chunk, child, ...]` in `pool`; `noChunk` ends it.
  struct Chunks: Sendable {
    var first: UInt32 = PickleGraph.noChunk
    var last: UInt32 = PickleGraph.noChunk
  }

  /// The end of a chain.
  static let noChunk = UInt32.max

  /// The stream, which text nodes refer to.
  let bytes: Bytes
  /// All values.
  var nodes: [Node] = []
  /// Children of tuples, and chunks.
  var pool: [UInt32] = []
  /// Calls.
  var objects: [Object] = []
  /// The value of the whole pickle.
  var root = ID(index: 0)

  init(_ bytes: Bytes) { self.bytes = bytes }

  /// Bytes of memory that the graph takes.
  var footprint: Int { nodes.count * 16 + pool.count * 4 + objects.count * MemoryLayout<Object>.stride }

  subscript(id: ID) -> Node {
    get { nodes[Int(id.index)] }
    set { nodes[Int(id.index)] = newValue }
  }

  // MARK: - Reading

  /// The type of a value.
  func kind(_ id: ID) -> Kind { self[id].kind }

  /// The value of an int or bool; nil for other values.
  func int(_ id: ID) -> Int? {
    let node = self[id]
    switch node.kind {
    case .int: return Int(Int64(bitPattern: node.high))
    case .true: return 1
    case .false: return 0
    default: return nil
    }
  }

  /// The value of a float; nil for other values.
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

  /// The node indices in a tuple; nil for other values.
  func tuple(_ id: ID) -> ArraySlice<UInt32>? {
    let node = self[id]
    guard node.kind == .tuple else { return nil }
    return pool[Int(node.high)..<Int(node.high) + Int(node.low)]
  }

  /// The items of a tuple of `count` (with `orMore` at least `count`, and then at most the first 16).
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

  /// The call that a value comes from; nil for other values.
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

  /// The chunks of a list, dictionary or set.
  func chunks(_ node: Node) -> Chunks {
    Chunks(first: node.low, last: UInt32(truncatingIfNeeded: node.high))
  }
}
