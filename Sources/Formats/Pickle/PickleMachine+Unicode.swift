import FixresBase

extension PickleMachine {
  /// Pushes a text of `count` bytes, which must be UTF-8.
  mutating func readUnicode(count: some FixedWidthInteger) throws(FormatError) {
    try readText(.string, count: count)
    guard let text = graph.text(try top()) else { return }
    try checkUnicode(text)
  }

  /// Throws unless `text` is UTF-8 as Python's `surrogatepass` writes it: lone surrogates are accepted.
  func checkUnicode(_ text: Bytes) throws(FormatError) {
    guard let offset = text.withUnsafeBytes({ Self.firstFault($0) }) else { return }
    throw context.fault(.byte(text.offset + offset), expected: "text in UTF-8", found: "other bytes")
  }

  /// Offset of the first sequence that neither table 3-7 of the Unicode Standard lists nor is a surrogate;
  /// nil if none.
  private static func firstFault(_ bytes: UnsafeRawBufferPointer) -> Int? {
    var index = 0
    while index < bytes.count {
      let lead = bytes[index]
      if lead < 0x80 {
        index += 1
        continue
      }
      let length: Int
      var second: ClosedRange<UInt8> = 0x80...0xBF
      switch lead {
      case 0xC2...0xDF: length = 2
      case 0xE0: (length, second) = (3, 0xA0...0xBF)
      case 0xE1...0xEF: length = 3
      case 0xF0: (length, second) = (4, 0x90...0xBF)
      case 0xF1...0xF3: length = 4
      case 0xF4: (length, second) = (4, 0x80...0x8F)
      default: return index
      }
      guard length <= bytes.count - index, second.contains(bytes[index + 1]) else { return index }
      for next in index + 2..<index + max(length, 2) where bytes[next] & 0xC0 != 0x80 { return index }
      index += length
    }
    return nil
  }
}
