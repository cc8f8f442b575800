import FixresBase

extension ValueKind {
  /// What was expected instead of `value`, or nil where it fits.
  func complaint(about value: String) -> String? {
    switch self {
    case .flag: nil
    case .text, .file, .folder: value.isEmpty ? "something that is not empty" : nil
    case .pair: ValueKind.pairs(value).isEmpty ? "two paths with a colon between them" : nil
    case .integer(let range):
      ValueKind.integer(value).map(range.contains) == true
        ? nil
        : range.upperBound == .max
          ? "a whole number from \(range.lowerBound)"
          : "a whole number from \(range.lowerBound) to \(range.upperBound)"
    case .number(let range):
      ValueKind.number(value).map(range.contains) == true
        ? nil
        : range.upperBound == .infinity
          ? "a number from \(Text.plain(range.lowerBound))"
          : "a number from \(Text.plain(range.lowerBound)) to \(Text.plain(range.upperBound))"
    case .size:
      ValueKind.size(value) == nil ? "a side such as 384, or a height and a width such as 320x480" : nil
    case .channels:
      ValueKind.channels(value) == nil
        ? "a number for each of 1, 3 or 4 channels, such as 0.485,0.456,0.406" : nil
    case .choice(let words): words.contains(value) ? nil : "one of " + words.joined(separator: ", ")
    }
  }

  /// An integer; one beyond 64 bits becomes the greatest or least, which the range then refuses.
  static func integer(_ text: String) -> Int? {
    if let value = Int(text) { return value }
    let digits = text.utf8.first == UInt8(ascii: "-") ? text.dropFirst() : text[...]
    guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    return digits.count == text.count ? .max : .min
  }

  /// Every way to take `text` as `IN:OUT`, both not empty; more than one where a name holds a colon.
  static func pairs(_ text: String) -> [(input: String, output: String)] {
    text.utf8.indices.compactMap { index in
      let (first, second) = (text[..<index], text[text.utf8.index(after: index)...])
      guard text.utf8[index] == UInt8(ascii: ":"), !first.isEmpty, !second.isEmpty else { return nil }
      return (String(first), String(second))
    }
  }

  static func number(_ text: String) -> Double? {
    guard let first = text.utf8.first, (0x2B...0x39).contains(first), !text.utf8.contains(UInt8(ascii: "x"))
    else { return nil }
    return Double(text).flatMap { $0.isFinite ? $0 : nil }
  }

  static func size(_ text: String) -> (height: Int, width: Int)? {
    let sides = text.split(separator: "x", omittingEmptySubsequences: false).map { integer(String($0)) }
    guard sides.count == 1 || sides.count == 2, let height = sides[0], let width = sides[sides.count - 1]
    else {
      return nil
    }
    return (height, width)
  }

  static func channels(_ text: String) -> [Double]? {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false)
    let numbers = parts.compactMap { number(Text.trimmed(String($0))) }
    return numbers.count == parts.count && [1, 3, 4].contains(numbers.count) ? numbers : nil
  }
}
