/// A pattern of `--ignore`: `*` stands for any text, dots included, `?` for one byte.
struct NamePattern {
  private let pattern: [UInt8]

  init(_ text: String) { pattern = Array(text.utf8) }

  /// True where the pattern matches `name`, or what is left of it behind one of its dots.
  func matches(_ name: String) -> Bool {
    let text = Array(name.utf8)
    if matches(text[...]) { return true }
    return text.indices.contains { text[$0] == UInt8(ascii: ".") && matches(text[($0 + 1)...]) }
  }

  private func matches(_ text: ArraySlice<UInt8>) -> Bool {
    var position = 0
    var index = text.startIndex
    var star: (position: Int, index: Int)?
    while index < text.endIndex {
      if position < pattern.count, pattern[position] == UInt8(ascii: "*") {
        star = (position, index)
        position += 1
      } else if position < pattern.count, [text[index], UInt8(ascii: "?")].contains(pattern[position]) {
        position += 1
        index += 1
      } else if let last = star {
        position = last.position + 1
        index = last.index + 1
        star = (last.position, index)
      } else {
        return false
      }
    }
    return pattern[position...].allSatisfy { $0 == UInt8(ascii: "*") }
  }
}
