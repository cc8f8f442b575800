/// A component of a name that counts: `layer1`, `conv2_x`, `unit3`, `0`.
struct NumberedWord: Hashable {
  /// The text with `#` in place of the number.
  var word: String
  var number: Int

  /// Reads `layer1` and `0`, and `conv2_x` unless the number has to be at the end.
  init?(_ text: Substring, atEnd: Bool = false) {
    var bytes = Array(text.utf8)
    var tail = ""
    if !atEnd, bytes.count > 2, bytes.suffix(2) == [UInt8(ascii: "_"), UInt8(ascii: "x")] {
      bytes.removeLast(2)
      tail = "_x"
    }
    let digits = bytes.reversed().prefix { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }.count
    guard digits > 0, digits <= 6, let number = Int(String(decoding: bytes.suffix(digits), as: UTF8.self))
    else { return nil }
    word = String(decoding: bytes.dropLast(digits), as: UTF8.self) + "#" + tail
    self.number = number
  }

  /// The component with another number.
  func text(_ number: Int) -> String { word.replacing("#", with: "\(number)") }
}
