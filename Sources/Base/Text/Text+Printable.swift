/// Text from files as a terminal may show it: it can neither move the cursor nor hide, reorder or flood what stands
/// around it.
extension Text {
  /// `text` in one line: control, format and bidirectional characters, line separators and what no font shows become
  /// `\u{..}`, bytes of file names that are not UTF-8 `\x..`.
  package static func printable(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: { escape(of: $0) != nil }) else { return text }
    return pieces(of: text).joined()
  }

  /// `text` with its line ends and tabs, else as `printable`; a name in quotes reads back as the one that it was.
  package static func printableBlock(_ text: String) -> String {
    func isKept(_ scalar: Unicode.Scalar) -> Bool {
      scalar == "\n" || scalar == "\t" || escape(of: scalar) == nil
    }
    guard !text.unicodeScalars.allSatisfy(isKept) else { return text }
    var result = ""
    for scalar in text.unicodeScalars {
      if isKept(scalar) { result.unicodeScalars.append(scalar) } else { result += unicodeEscape(of: scalar) }
    }
    return result
  }

  /// `text` as `printable`, of at most `limit` bytes: beyond them words, such as names, then the whole are cut in the
  /// middle.
  package static func line(_ text: String, limit: Int) -> String {
    let line = printable(cut(text, limit: 1 << 16))
    guard line.utf8.count > limit else { return line }
    let words = pieces(of: cut(text, limit: 1 << 16)).split(separator: " ", omittingEmptySubsequences: false)
    for room in [200, 120, 80, 48] {
      let shorter = words.map { middle(Array($0), limit: room) }.joined(separator: " ")
      if shorter.utf8.count <= limit { return shorter }
    }
    return middle(Array(words.map { [middle(Array($0), limit: 48)] }.joined(separator: [" "])), limit: limit)
  }

  /// `text` as `printable`, of at most `limit` bytes, cut in the middle beyond them.
  package static func fitted(_ text: String, limit: Int) -> String {
    let line = printable(cut(text, limit: 1 << 16))
    return line.utf8.count > limit ? middle(pieces(of: cut(text, limit: 1 << 16)), limit: limit) : line
  }

  /// `text` unescaped, of at most `limit` bytes, cut in the middle beyond them.
  package static func cut(_ text: String, limit: Int) -> String {
    guard text.utf8.count > limit else { return text }
    let half = max(0, limit - 3) / 2
    var head = text.utf8.index(text.startIndex, offsetBy: half)
    var tail = text.utf8.index(text.endIndex, offsetBy: -half)
    while head > text.startIndex, head.samePosition(in: text.unicodeScalars) == nil {
      head = text.utf8.index(before: head)
    }
    while tail < text.endIndex, tail.samePosition(in: text.unicodeScalars) == nil {
      tail = text.utf8.index(after: tail)
    }
    return String(text.unicodeScalars[..<head]) + "..." + String(text.unicodeScalars[tail...])
  }

  /// JSON text with the characters that a terminal cannot show safely as JSON's own escapes of four digits, which is the
  /// same text to a reader of JSON; a byte of a file's name that is no part of UTF-8, which JSON cannot hold, becomes the text `\xff`
  /// (a member `KEY_base64` beside it has the very bytes).
  package static func printableJSON(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: { escape(of: $0) != nil }) else { return text }
    var result = ""
    for scalar in text.unicodeScalars {
      if let byte = FileName.rawByte(scalar) {
        result += "\\\\x" + hex(UInt32(byte), digits: 2)
      } else if escape(of: scalar) != nil {
        for unit in String(scalar).utf16 { result += "\\u" + hex(UInt32(unit), digits: 4) }
      } else {
        result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  // MARK: - Pieces

  /// Each scalar of `text` as it is printed.
  private static func pieces(of text: String) -> [String] {
    text.unicodeScalars.map { escape(of: $0) ?? String($0) }
  }

  /// `pieces` as text of at most `limit` bytes, those in the middle left out beyond them.
  private static func middle(_ pieces: [String], limit: Int) -> String {
    guard pieces.reduce(0, { $0 + $1.utf8.count }) > limit else { return pieces.joined() }
    let half = max(0, limit - 3) / 2
    return fitting(pieces, half).joined() + "..." + fitting(pieces.reversed(), half).reversed().joined()
  }

  /// The first of `pieces` that take at most `room` bytes.
  private static func fitting(_ pieces: [String], _ room: Int) -> [String] {
    var left = room
    return Array(
      pieces.prefix {
        left -= $0.utf8.count
        return left >= 0
      })
  }

  /// What is printed instead of `scalar`; nil where it is printed itself.
  private static func escape(of scalar: Unicode.Scalar) -> String? {
    if (0x20...0x7E).contains(scalar.value) { return nil }
    if let byte = FileName.rawByte(scalar) { return "\\x" + hex(UInt32(byte), digits: 2) }
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned:
      return unicodeEscape(of: scalar)
    default: return nil
    }
  }

  private static func unicodeEscape(of scalar: Unicode.Scalar) -> String {
    "\\u{" + String(scalar.value, radix: 16) + "}"
  }

  private static func hex(_ value: UInt32, digits: Int) -> String {
    let text = String(value, radix: 16)
    return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
  }
}
