extension JSONError: ReportedError {
  /// The error's kind, sentence and figures.
  package var report: ErrorReport {
    let (kind, sentence): (String, String) =
      switch reason {
      case .truncated: ("truncated", "expected more text, found the end")
      case .unexpected(let byte, let expected):
        ("unexpected", "expected \(expected), found \(JSONError.character(byte))")
      case .trailingBytes: ("trailing", "expected the end, found more text")
      case .invalidUTF8: ("utf8", "expected UTF-8, found bytes that are not")
      case .invalidEscape: ("escape", "expected an escape such as \\n or \\u0041, found another")
      case .loneSurrogate: ("surrogate", "expected a pair of surrogates, found one alone")
      case .controlCharacter: ("control", "expected text, found a control character inside a string")
      case .numberOutOfRange: ("number", "expected a number that fits a double, found a larger or longer one")
      case .tooDeep(let limit): ("depth", "expected at most \(limit) nested brackets, found more")
      case .duplicateKey(let key):
        ("duplicate", "expected each key once, found \"\(Text.shortened(key))\" again")
      }
    return ErrorReport(
      "json.\(kind)", "JSON at byte \(offset): \(sentence)", ["offset": JSON(offset)])
  }

  /// The sentence of the error, in one line: what was expected, what was found and where.
  public var description: String { report.sentence }

  private static func character(_ byte: UInt8) -> String {
    (0x21...0x7E).contains(byte)
      ? "`\(Character(Unicode.Scalar(byte)))`" : "byte 0x\(String(byte, radix: 16))"
  }
}
