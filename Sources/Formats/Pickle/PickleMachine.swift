import FixresBase

/// Runs a pickle's opcodes (protocols 0 to 5) over a `PickleGraph`.
///
/// Every callable stays a name: REDUCE, NEWOBJ, BUILD and the like only record what they were given.
/// Opcodes: pickletools of CPython.
struct PickleMachine {
  var graph: PickleGraph
  var reader: ByteReader
  let context: FaultContext
  var stack: [UInt32] = []
  /// Stack heights at which a MARK lies.
  var marks: [UInt32] = []
  /// Memo entries numbered in the order they come, which is all that picklers write.
  var memo: [UInt32] = []
  /// Memo entries with other numbers.
  var sparseMemo: [UInt32: UInt32] = [:]

  /// Working memory a pickle may take, whatever it says: far more than any training checkpoint needs.
  static let maximumFootprint = 32 << 20

  private init(_ bytes: Bytes, from position: Int, context: FaultContext) throws(FormatError) {
    graph = PickleGraph(bytes)
    reader = ByteReader(bytes)
    self.context = context
    try context.reading { () throws(ReadError) in try reader.seek(to: position) }
    graph.nodes = [.init(kind: .none), .init(kind: .true), .init(kind: .false), .init(kind: .tuple)]
    graph.nodes += (0..<256).map { .init(kind: .int, high: $0) }
  }

  /// The value of the pickle that begins at `position` of `bytes`, and the position behind its STOP.
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

  func fault(_ expected: String, _ found: String) -> FormatError {
    context.fault(.byte(reader.fileOffset), expected: expected, found: found)
  }

  // MARK: - Reading

  mutating func readByte() throws(FormatError) -> UInt8 {
    do { return try reader.readByte() } catch { throw context.fault(error) }
  }

  mutating func readLittle<T: FixedWidthInteger>(_ type: T.Type) throws(FormatError) -> T {
    do { return try reader.readLittle(type) } catch { throw context.fault(error) }
  }

  /// A text of `count` bytes as a node that points into the stream.
  mutating func readText(_ kind: PickleGraph.Kind, count: some FixedWidthInteger) throws(FormatError) {
    let start = reader.position
    guard let count = Int(exactly: count), count >= 0, count <= reader.remaining, count <= Int(UInt32.max)
    else {
      throw fault("a text of \(count) bytes", "\(reader.remaining) bytes")
    }
    do { try reader.skip(count) } catch { throw context.fault(error) }
    push(.init(kind: kind, low: UInt32(count), high: UInt64(start)))
  }

  /// The rest of the line as a window, without its newline; lines of protocol 0 are short.
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

  static let noneID: UInt32 = 0
  static let trueID: UInt32 = 1
  static let falseID: UInt32 = 2
  static let emptyTupleID: UInt32 = 3
  static let firstSmallIntID: UInt32 = 4

  mutating func append(_ node: PickleGraph.Node) -> UInt32 {
    graph.nodes.append(node)
    return UInt32(graph.nodes.count - 1)
  }

  mutating func push(_ node: PickleGraph.Node) { stack.append(append(node)) }

  mutating func pushInt(_ value: Int64) {
    if value >= 0, value < 256 {
      stack.append(Self.firstSmallIntID + UInt32(value))
    } else {
      push(.init(kind: .int, high: UInt64(bitPattern: value)))
    }
  }

  /// The height below which the present MARK hides the stack.
  var floor: Int { Int(marks.last ?? 0) }

  mutating func pop() throws(FormatError) -> PickleGraph.ID {
    guard stack.count > floor, let top = stack.popLast() else { throw fault("a value", "an empty stack") }
    return .init(index: top)
  }

  func top() throws(FormatError) -> PickleGraph.ID {
    guard stack.count > floor, let top = stack.last else { throw fault("a value", "an empty stack") }
    return .init(index: top)
  }

  /// Removes the topmost MARK and returns the stack height at which it lay.
  mutating func popMark() throws(FormatError) -> Int {
    guard let mark = marks.popLast() else { throw fault("a MARK", "none") }
    return Int(mark)
  }

  // MARK: - Memo

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

  mutating func recall(_ key: UInt32) throws(FormatError) {
    let dense = Int(key) < memo.count ? memo[Int(key)] : nil
    guard let value = dense ?? sparseMemo[key] else { throw fault("memo entry \(key)", "none") }
    stack.append(value)
  }
}
