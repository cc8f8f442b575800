import FixresBase

/// A virtual machine for the opcodes of pickle protocols 0 to 5, which builds a `PickleGraph`.
///
/// Format: CPython's `Lib/pickletools.py`. A pickle is a program for a stack machine: a byte of opcode, its
/// arguments, and so on until STOP, which leaves the result on the stack. Protocols 2 and later begin with
/// PROTO (0x80) and their number; protocol 4 adds frames, whose lengths are checked and otherwise ignored.
///
///     stack   values               marks   heights of MARKs       memo    number -> value
///
///     K 5     BININT1     push 5
///     (       MARK        remember the height of the stack
///     t       TUPLE       pop down to the MARK, push the values as one tuple
///     u       SETITEMS    pop down to the MARK, add the values to the dictionary below
///     q 0     BINPUT      memo[0] = top of the stack
///     h 0     BINGET      push memo[0]
///     c m n   GLOBAL      push the name m.n: nothing is imported
///     R       REDUCE      pop a tuple and a callable, push a record of the call
///     b       BUILD       pop a state, keep it in the record below
///     Q       BINPERSID   pop an id, push a reference (torch: to a storage)
///
/// No callable ever runs: REDUCE, NEWOBJ, INST, OBJ and EXT record callable and arguments. Memory is bounded
/// by `maximumFootprint`, and no opcode makes the machine recurse.
struct PickleMachine {
  /// The values so far.
  var graph: PickleGraph
  /// The program counter.
  var reader: ByteReader
  let context: FaultContext
  /// Indices of nodes.
  var stack: [UInt32] = []
  /// Stack heights of the open MARKs.
  var marks: [UInt32] = []
  /// Memo entries 0, 1, 2, ... which is how picklers number them.
  var memo: [UInt32] = []
  /// Memo entries of other numbers.
  var sparseMemo: [UInt32: UInt32] = [:]

  /// Limit on the bytes of graph, stack and memo, far above what training checkpoints need.
  static let maximumFootprint = 32 << 20

  private init(_ bytes: Bytes, from position: Int, context: FaultContext) throws(FormatError) {
    graph = PickleGraph(bytes)
    reader = ByteReader(bytes)
    self.context = context
    try context.reading { () throws(ReadError) in try reader.seek(to: position) }
    graph.nodes = [.init(kind: .none), .init(kind: .true), .init(kind: .false), .init(kind: .tuple)]
    graph.nodes += (0..<256).map { .init(kind: .int, high: $0) }
  }

  /// Runs the pickle at `position` of `bytes`; returns its value and the position behind its STOP.
  ///
  /// - Throws: `FormatError.malformed`.
  static func run(
    _ bytes: Bytes, from position: Int = 0, context: FaultContext
  ) throws(FormatError) -> (graph: PickleGraph, end: Int) {
    var machine = try PickleMachine(bytes, from: position, context: context)
    try machine.run()
    return (machine.graph, machine.reader.position)
  }

  private mutating func run() throws(FormatError) {
    var opcodeCount = 0
    while true {
      opcodeCount &+= 1
      if opcodeCount & 255 == 0 { try checkFootprint() }
      let offset = reader.fileOffset
      let opcode = try readByte()
      if opcode == UInt8(ascii: ".") { break }
      if try runPush(opcode) { continue }
      if try runContainer(opcode) { continue }
      if try runObject(opcode) { continue }
      if try runText(opcode) { continue }
      throw context.fault(
        .byte(offset), expected: "a pickle opcode", found: "0x" + String(opcode, radix: 16))
    }
    graph.root = try pop()
    guard marks.isEmpty else { throw fault("a value at STOP", "an open MARK") }
  }

  private func checkFootprint() throws(FormatError) {
    let footprint =
      graph.footprint + (stack.count + marks.count + memo.count) * 4 + sparseMemo.count * 24
    guard footprint <= Self.maximumFootprint else {
      throw fault("a pickle of at most \(Self.maximumFootprint >> 20) MB of objects", "more")
    }
  }

  /// A violation of the format's rules at the program counter.
  func fault(_ expected: String, _ found: String) -> FormatError {
    context.fault(.byte(reader.fileOffset), expected: expected, found: found)
  }

  // MARK: - Reading

  /// A byte of the stream.
  mutating func readByte() throws(FormatError) -> UInt8 {
    do { return try reader.readByte() } catch { throw context.fault(error) }
  }

  /// A little-endian number of the stream.
  mutating func readLittle<T: FixedWidthInteger>(_ type: T.Type) throws(FormatError) -> T {
    do { return try reader.readLittle(type) } catch { throw context.fault(error) }
  }

  /// Pushes a text of `count` bytes, as a node that refers to the stream.
  mutating func readText(_ kind: PickleGraph.Kind, count: some FixedWidthInteger) throws(FormatError) {
    let start = reader.position
    guard let count = Int(exactly: count), count >= 0, count <= reader.remaining, count <= Int(UInt32.max)
    else {
      throw fault("a text of \(count) bytes", "\(reader.remaining) bytes")
    }
    do { try reader.skip(count) } catch { throw context.fault(error) }
    push(.init(kind: kind, low: UInt32(count), high: UInt64(start)))
  }

  /// The rest of the line without its newline, at most 65,536 bytes.
  mutating func readLine() throws(FormatError) -> Bytes {
    let start = reader.position
    let limit = min(reader.remaining, 1 << 16)
    let length = reader.bytes.withUnsafeBytes { raw in
      (0..<limit).first { raw[start + $0] == 0x0A }
    }
    guard let length else { throw fault("a line", "no newline within \(limit) bytes") }
    do {
      let line = try reader.read(length)
      try reader.skip(1)
      return line
    } catch { throw context.fault(error) }
  }

  // MARK: - Stack

  /// The nodes that every graph begins with: None, True, False, the empty tuple and the integers 0 to 255.
  static let noneID: UInt32 = 0
  static let trueID: UInt32 = 1
  static let falseID: UInt32 = 2
  static let emptyTupleID: UInt32 = 3
  static let firstSmallIntID: UInt32 = 4

  /// Adds a node and returns its index.
  mutating func append(_ node: PickleGraph.Node) -> UInt32 {
    graph.nodes.append(node)
    return UInt32(graph.nodes.count - 1)
  }

  /// Adds a node and pushes it.
  mutating func push(_ node: PickleGraph.Node) { stack.append(append(node)) }

  /// Pushes an integer.
  mutating func pushInt(_ value: Int64) {
    if value >= 0, value < 256 {
      stack.append(Self.firstSmallIntID + UInt32(value))
    } else {
      push(.init(kind: .int, high: UInt64(bitPattern: value)))
    }
  }

  /// The stack height of the innermost MARK, below which opcodes may not pop.
  var floor: Int { Int(marks.last ?? 0) }

  /// Removes and returns the topmost value.
  mutating func pop() throws(FormatError) -> PickleGraph.ID {
    guard stack.count > floor, let top = stack.popLast() else { throw fault("a value", "an empty stack") }
    return .init(index: top)
  }

  /// The topmost value.
  func top() throws(FormatError) -> PickleGraph.ID {
    guard stack.count > floor, let top = stack.last else { throw fault("a value", "an empty stack") }
    return .init(index: top)
  }

  /// Removes the innermost MARK and returns its stack height.
  mutating func popMark() throws(FormatError) -> Int {
    guard let mark = marks.popLast() else { throw fault("a MARK", "none") }
    return Int(mark)
  }

  // MARK: - Memo

  /// Stores the topmost value in the memo (PUT).
  mutating func remember(_ key: UInt32) throws(FormatError) {
    let value = try top().index
    if Int(key) < memo.count {
      memo[Int(key)] = value
    } else if Int(key) == memo.count {
      memo.append(value)
    } else {
      sparseMemo[key] = value
    }
  }

  /// Pushes the memo entry `key` (GET).
  mutating func recall(_ key: UInt32) throws(FormatError) {
    let dense = Int(key) < memo.count ? memo[Int(key)] : nil
    guard let value = dense ?? sparseMemo[key] else { throw fault("memo entry \(key)", "none") }
    stack.append(value)
  }
}
