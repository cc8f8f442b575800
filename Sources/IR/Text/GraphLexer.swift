/// Cuts one line of the textual form into tokens.
struct GraphLexer {
  enum Token: Hashable {
    /// `%name`
    case value(String)
    /// `@name`
    case symbol(String)
    case word(String)
    /// `{ } : = ,`
    case mark(Character)
    /// `[...]`, brackets included
    case list(String)
    case end

    var description: String {
      switch self {
      case .value(let name): "%\(GraphPrinter.quoted(name))"
      case .symbol(let name): "@\(GraphPrinter.quoted(name))"
      case .word(let word): word
      case .mark(let mark): String(mark)
      case .list(let list): list
      case .end: "the end of the line"
      }
    }
  }

  private let bytes: [UInt8]
  private var position = 0
  private let line: Int

  init(_ text: Substring, line: Int) {
    bytes = Array(text.utf8)
    self.line = line
  }

  mutating func next() throws(IRError) -> Token {
    while position < bytes.count, bytes[position] == UInt8(ascii: " ") { position += 1 }
    guard position < bytes.count else { return .end }
    let byte = bytes[position]
    switch byte {
    case UInt8(ascii: "%"):
      position += 1
      return .value(try name())
    case UInt8(ascii: "@"):
      position += 1
      return .symbol(try name())
    case UInt8(ascii: "\""):
      return .word(try name())
    case UInt8(ascii: "{"), UInt8(ascii: "}"), UInt8(ascii: ":"), UInt8(ascii: "="), UInt8(ascii: ","):
      position += 1
      return .mark(Character(UnicodeScalar(byte)))
    case UInt8(ascii: "["):
      return .list(try list())
    default:
      if GraphPrinter.isPlain(byte) { return .word(try name()) }
      throw unexpected("a name, a number or one of { } : = , [")
    }
  }

  private mutating func list() throws(IRError) -> String {
    let start = position
    guard let end = bytes[start...].firstIndex(of: UInt8(ascii: "]")) else { throw unexpected("]") }
    position = end + 1
    return String(decoding: bytes[start..<position], as: UTF8.self)
  }

  /// A plain or quoted name at the cursor.
  private mutating func name() throws(IRError) -> String {
    guard position < bytes.count else { throw unexpected("a name") }
    if bytes[position] == UInt8(ascii: "\"") { return try quotedName() }
    let start = position
    // `+` stands only in the exponent of a number.
    while position < bytes.count,
      GraphPrinter.isPlain(bytes[position]) || bytes[position] == UInt8(ascii: "+")
    {
      position += 1
    }
    guard position > start else { throw unexpected("a name") }
    return String(decoding: bytes[start..<position], as: UTF8.self)
  }

  private mutating func quotedName() throws(IRError) -> String {
    position += 1
    var content: [UInt8] = []
    while position < bytes.count {
      let byte = bytes[position]
      position += 1
      switch byte {
      case UInt8(ascii: "\""): return String(decoding: content, as: UTF8.self)
      case UInt8(ascii: "\\"): content += try escape()
      default: content.append(byte)
      }
    }
    throw unexpected("a closing quote")
  }

  /// What follows a backslash: `"`, `\` or `u{hex}`.
  private mutating func escape() throws(IRError) -> [UInt8] {
    guard position < bytes.count else { throw unexpected("an escape") }
    let byte = bytes[position]
    position += 1
    if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { return [byte] }
    guard byte == UInt8(ascii: "u"), position < bytes.count, bytes[position] == UInt8(ascii: "{"),
      let end = bytes[position...].prefix(12).firstIndex(of: UInt8(ascii: "}")),
      let code = UInt32(String(decoding: bytes[(position + 1)..<end], as: UTF8.self), radix: 16),
      let scalar = Unicode.Scalar(code)
    else { throw unexpected("\\\", \\\\ or \\u{hex}") }
    position = end + 1
    return Array(String(Character(scalar)).utf8)
  }

  private func unexpected(_ expected: String) -> IRError {
    let rest = bytes[min(position, bytes.count)...].prefix(24)
    let found = rest.isEmpty ? "the end of the line" : String(decoding: rest, as: UTF8.self)
    return .syntax(line: line, expected: expected, found: found)
  }
}
