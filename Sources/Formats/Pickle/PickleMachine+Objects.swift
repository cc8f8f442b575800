import FixresBase

extension PickleMachine {
  /// Runs `opcode` if it makes or extends a tuple, list, dictionary or set; false for other opcodes.
  mutating func runContainer(_ opcode: UInt8) throws(FormatError) -> Bool {
    switch opcode {
    case UInt8(ascii: ")"): stack.append(Self.emptyTupleID)
    case 0x85: try pushTuple(from: stack.count - 1)
    case 0x86: try pushTuple(from: stack.count - 2)
    case 0x87: try pushTuple(from: stack.count - 3)
    case UInt8(ascii: "t"): try pushTuple(from: try popMark())
    case UInt8(ascii: "]"): pushContainer(.list)
    case UInt8(ascii: "}"): pushContainer(.dictionary)
    case 0x8F: pushContainer(.set)
    case UInt8(ascii: "l"): try pushContainer(.list, from: try popMark())
    case UInt8(ascii: "d"): try pushContainer(.dictionary, from: try popMark())
    case 0x91: try pushContainer(.set, from: try popMark())
    case UInt8(ascii: "a"): try extend(from: stack.count - 1, pairs: false)
    case UInt8(ascii: "e"), 0x90: try extend(from: try popMark(), pairs: false)
    case UInt8(ascii: "s"): try extend(from: stack.count - 2, pairs: true)
    case UInt8(ascii: "u"): try extend(from: try popMark(), pairs: true)
    default: return false
    }
    return true
  }

  private mutating func pushTuple(from start: Int) throws(FormatError) {
    guard start >= floor, start <= stack.count else { throw fault("a tuple's items", "an empty stack") }
    guard start < stack.count else { return stack.append(Self.emptyTupleID) }
    let poolStart = graph.pool.count
    let count = stack.count - start
    graph.pool += stack[start...]
    stack.removeLast(count)
    push(.init(kind: .tuple, low: UInt32(count), high: UInt64(poolStart)))
  }

  private mutating func pushContainer(_ kind: PickleGraph.Kind) {
    push(.init(kind: kind, low: PickleGraph.noChunk, high: UInt64(PickleGraph.noChunk)))
  }

  private mutating func pushContainer(_ kind: PickleGraph.Kind, from start: Int) throws(FormatError) {
    guard kind != .dictionary || (stack.count - start).isMultiple(of: 2) else {
      throw fault("pairs of key and value", "an odd count")
    }
    if kind == .dictionary { try checkKeys(from: start) }
    let chunks = try takeChunk(from: start, into: .init())
    push(.init(kind: kind, low: chunks.first, high: UInt64(chunks.last)))
  }

  /// Moves the stack from `start` on into a new chunk at the end of `chunks`.
  private mutating func takeChunk(
    from start: Int, into chunks: PickleGraph.Chunks
  ) throws(FormatError) -> PickleGraph.Chunks {
    guard start >= floor, start <= stack.count else { throw fault("items to add", "an empty stack") }
    guard start < stack.count else { return chunks }
    let segment = UInt32(graph.pool.count)
    graph.pool.append(UInt32(stack.count - start))
    graph.pool.append(PickleGraph.noChunk)
    graph.pool += stack[start...]
    stack.removeLast(stack.count - start)
    guard chunks.last != PickleGraph.noChunk else { return .init(first: segment, last: segment) }
    graph.pool[Int(chunks.last) + 1] = segment
    return .init(first: chunks.first, last: segment)
  }

  /// Refuses keys that Python cannot hash among the pairs on the stack from `start` on.
  private func checkKeys(from start: Int) throws(FormatError) {
    guard start >= floor else { return }
    for index in stride(from: start, to: stack.count, by: 2) {
      let key = PickleGraph.ID(index: stack[index])
      var kind = "\(graph.kind(key))"
      switch graph.kind(key) {
      case .list, .dictionary, .set: break
      case .object where graph.isDictionary(key): kind = "dictionary"
      default: continue
      }
      throw fault("a key that can be hashed", "a \(kind)")
    }
  }

  /// Adds the stack from `start` on to the container below it; an object records the items as a container
  /// does.
  private mutating func extend(from start: Int, pairs: Bool) throws(FormatError) {
    guard start > floor, start <= stack.count else {
      throw fault("a container and its items", "an empty stack")
    }
    guard !pairs || (stack.count - start).isMultiple(of: 2) else {
      throw fault("pairs of key and value", "an odd count")
    }
    if pairs { try checkKeys(from: start) }
    let target = PickleGraph.ID(index: stack[start - 1])
    var node = graph[target]
    switch (node.kind, pairs) {
    case (.dictionary, true), (.list, false), (.set, false):
      let chunks = try takeChunk(from: start, into: graph.chunks(node))
      node.low = chunks.first
      node.high = UInt64(chunks.last)
      graph[target] = node
    case (.object, true):
      graph.objects[Int(node.low)].items =
        try takeChunk(from: start, into: graph.objects[Int(node.low)].items)
    case (.object, false):
      graph.objects[Int(node.low)].elements =
        try takeChunk(from: start, into: graph.objects[Int(node.low)].elements)
    default:
      throw fault(pairs ? "a dictionary to set items of" : "a list to append to", "\(node.kind)")
    }
  }

  /// Runs `opcode` if it makes a global, a call, a state or a persistent id; false for other opcodes.
  mutating func runObject(_ opcode: UInt8) throws(FormatError) -> Bool {
    switch opcode {
    case UInt8(ascii: "c"): stack.append(try readGlobal().index)
    case 0x93:  // STACK_GLOBAL
      let name = try pop()
      let module = try pop()
      guard graph.kind(name) == .string, graph.kind(module) == .string else {
        throw fault("the names of a global", "\(graph.kind(module)) and \(graph.kind(name))")
      }
      push(.init(kind: .global, low: module.index, high: UInt64(name.index)))
    case UInt8(ascii: "R"), 0x81:  // REDUCE, NEWOBJ
      let arguments = try pop()
      try pushObject(try pop(), arguments)
    case 0x92:  // NEWOBJ_EX
      _ = try pop()
      let arguments = try pop()
      try pushObject(try pop(), arguments)
    case UInt8(ascii: "i"):  // INST
      let callable = try readGlobal()
      try pushTuple(from: try popMark())
      try pushObject(callable, try pop())
    case UInt8(ascii: "o"):  // OBJ
      let start = try popMark()
      try pushTuple(from: start + 1)
      let arguments = try pop()
      try pushObject(try pop(), arguments)
    case UInt8(ascii: "b"): try build()
    case 0x82: try pushExtension(Int64(try readByte()))
    case 0x83: try pushExtension(Int64(try readLittle(UInt16.self)))
    case 0x84: try pushExtension(Int64(try readLittle(Int32.self)))
    case UInt8(ascii: "Q"):
      let id = try pop()
      guard graph.kind(id) == .tuple else {
        throw fault("a tuple as the id of a storage", "\(graph.kind(id))")
      }
      push(.init(kind: .persistent, low: id.index))
    case UInt8(ascii: "P"): throw fault("a tuple as the id of a storage", "a line of text")
    default: return false
    }
    return true
  }

  private mutating func pushObject(
    _ callable: PickleGraph.ID, _ arguments: PickleGraph.ID
  ) throws(FormatError) {
    guard graph.kind(arguments) == .tuple else {
      throw fault("a tuple of arguments", "\(graph.kind(arguments))")
    }
    switch graph.kind(callable) {
    // The old format refers to classes whose source it holds; None stands for a class of the extension registry.
    case .global, .object, .persistent, .none: break
    default: throw fault("a function or a class to call", "\(graph.kind(callable))")
    }
    graph.objects.append(.init(callable: callable, arguments: arguments))
    push(.init(kind: .object, low: UInt32(graph.objects.count - 1)))
  }

  /// Pushes an object of Python's extension registry, whose class the stream does not name.
  private mutating func pushExtension(_ code: Int64) throws(FormatError) {
    guard code > 0 else { throw fault("an extension code", "\(code)") }
    stack.append(Self.noneID)
    try pushObject(try pop(), .init(index: Self.emptyTupleID))
  }

  private mutating func build() throws(FormatError) {
    let state = try pop()
    let target = try top()
    guard graph.kind(target) == .object else {
      throw fault("an object to give a state", "\(graph.kind(target))")
    }
    graph.objects[Int(graph[target].low)].state = state
  }
}
