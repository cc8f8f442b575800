import FixresBase

extension PickleMachine {
  /// Runs `opcode` if it pushes a number or text or works on memo or stack; false for other opcodes.
  mutating func runPush(_ opcode: UInt8) throws(FormatError) -> Bool {
    switch opcode {
    case 0x80:  // PROTO
      let version = try readByte()
      guard version <= 5 else { throw fault("a pickle protocol up to 5", "\(version)") }
    case 0x95:  // FRAME
      let count = try readLittle(UInt64.self)
      guard count <= UInt64(reader.remaining) else {
        throw fault("a frame of \(count) bytes", "\(reader.remaining)")
      }
    case UInt8(ascii: "N"): stack.append(Self.noneID)
    case 0x88: stack.append(Self.trueID)
    case 0x89: stack.append(Self.falseID)
    case UInt8(ascii: "K"): pushInt(Int64(try readByte()))
    case UInt8(ascii: "M"): pushInt(Int64(try readLittle(UInt16.self)))
    case UInt8(ascii: "J"): pushInt(Int64(try readLittle(Int32.self)))
    case 0x8A: try readLong(count: Int(try readByte()))
    case 0x8B:
      let count = try readLittle(Int32.self)
      guard count >= 0 else { throw fault("a byte count", "\(count)") }
      try readLong(count: Int(count))
    case UInt8(ascii: "G"):
      let bits: UInt64
      do { bits = try reader.readBig() } catch { throw context.fault(error) }
      push(.init(kind: .float, high: bits))
    // Byte strings of Python 2, of any encoding.
    case UInt8(ascii: "U"): try readText(.string, count: try readByte())
    case UInt8(ascii: "T"): try readText(.string, count: try readLittle(Int32.self))
    case 0x8C: try readUnicode(count: try readByte())
    case UInt8(ascii: "X"): try readUnicode(count: try readLittle(UInt32.self))
    case 0x8D: try readUnicode(count: try readLittle(UInt64.self))
    case UInt8(ascii: "C"): try readText(.bytes, count: try readByte())
    case UInt8(ascii: "B"): try readText(.bytes, count: try readLittle(UInt32.self))
    case 0x8E, 0x96: try readText(.bytes, count: try readLittle(UInt64.self))
    case UInt8(ascii: "("): marks.append(UInt32(stack.count))
    case UInt8(ascii: "0"):
      // POP also removes a MARK on top of the stack.
      if stack.count == floor, !marks.isEmpty { _ = try popMark() } else { _ = try pop() }
    case UInt8(ascii: "1"): stack.removeLast(stack.count - (try popMark()))
    case UInt8(ascii: "2"): stack.append(try top().index)
    case UInt8(ascii: "h"): try recall(UInt32(try readByte()))
    case UInt8(ascii: "j"): try recall(try readLittle(UInt32.self))
    case UInt8(ascii: "q"): try remember(UInt32(try readByte()))
    case UInt8(ascii: "r"): try remember(try readLittle(UInt32.self))
    case 0x94: try remember(UInt32(truncatingIfNeeded: memo.count + sparseMemo.count))
    default: return false
    }
    return true
  }

  /// Pushes a little-endian integer of `count` bytes in two's complement; beyond 64 bits as a bigInt node.
  private mutating func readLong(count: Int) throws(FormatError) {
    guard count <= 8 else { return try readText(.bigInt, count: count) }
    let window: Bytes
    do { window = try reader.read(count) } catch { throw context.fault(error) }
    let raw = window.prefixArray(8)
    var value: UInt64 = (raw.last ?? 0) & 0x80 == 0 ? 0 : .max
    for byte in raw.reversed() { value = value << 8 | UInt64(byte) }
    pushInt(Int64(bitPattern: value))
  }

  /// Runs `opcode` if it is one of protocol 0 with a text argument; false for other opcodes.
  mutating func runText(_ opcode: UInt8) throws(FormatError) -> Bool {
    switch opcode {
    case UInt8(ascii: "I"):
      let line = try readLine()
      if line.starts(with: [0x30, 0x31]), line.count == 2 {
        stack.append(Self.trueID)
      } else if line.starts(with: [0x30, 0x30]), line.count == 2 {
        stack.append(Self.falseID)
      } else {
        pushInt(try decimal(line))
      }
    case UInt8(ascii: "L"):
      let line = try readLine()
      let digits = (try? line.slice(0, line.count - 1)) ?? line
      pushInt(try decimal(line.array.last == UInt8(ascii: "L") ? digits : line))
    case UInt8(ascii: "F"):
      let line = try readLine()
      guard line.count <= 64, let value = Double(String(decoding: line.array, as: UTF8.self)) else {
        throw fault("a number", "another line")
      }
      push(.init(kind: .float, high: value.bitPattern))
    case UInt8(ascii: "S"):
      let line = try readLine()
      let raw = line.array
      guard raw.count >= 2, let quote = raw.first, quote == raw.last, quote == 0x22 || quote == 0x27 else {
        throw fault("a quoted string", "another line")
      }
      push(.init(kind: .string, low: UInt32(raw.count - 2), high: textStart(line) + 1))
    case UInt8(ascii: "V"):
      let line = try readLine()
      push(.init(kind: .string, low: UInt32(line.count), high: textStart(line)))
    case UInt8(ascii: "g"): try recall(try memoKey(try readLine()))
    case UInt8(ascii: "p"): try remember(try memoKey(try readLine()))
    default: return false
    }
    return true
  }

  /// Offset of a line in the stream.
  private func textStart(_ line: Bytes) -> UInt64 { UInt64(line.offset - graph.bytes.offset) }

  private func decimal(_ line: Bytes) throws(FormatError) -> Int64 {
    guard line.count <= 20, let value = Int64(String(decoding: line.array, as: UTF8.self)) else {
      throw fault("an integer of 64 bits", "another line")
    }
    return value
  }

  private func memoKey(_ line: Bytes) throws(FormatError) -> UInt32 {
    guard let key = UInt32(exactly: try decimal(line)) else { throw fault("a memo number", "another") }
    return key
  }

  /// The module and name lines of GLOBAL and INST as a global node.
  mutating func readGlobal() throws(FormatError) -> PickleGraph.ID {
    let module = try readLine()
    let name = try readLine()
    try checkUnicode(module)
    try checkUnicode(name)
    let ids = [module, name].map {
      append(.init(kind: .string, low: UInt32($0.count), high: textStart($0)))
    }
    return .init(index: append(.init(kind: .global, low: ids[0], high: UInt64(ids[1]))))
  }
}
