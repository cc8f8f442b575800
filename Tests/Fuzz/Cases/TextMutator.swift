/// Changes of text that know its words: numbers, quoted strings, marks, lines.
struct TextMutator: Sendable {
  /// Words that the format gives a meaning.
  let words: [[UInt8]]

  init(_ words: [String]) { self.words = words.map { Array($0.utf8) } }

  private static let numbers = [
    "0", "-0", "1", "-1", "2", "3", "7", "8", "31", "32", "64", "127", "255", "256", "1023", "4096", "32767",
    "32768",
    "65535", "65536", "2147483647", "2147483648", "-2147483648", "4294967295", "4294967296", "1099511627776",
    "4611686018427387904", "9223372036854775806", "9223372036854775807", "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809", "18446744073709551615", "18446744073709551616", "99999999999999999999999999",
    "0.5", "-1.5",
    "1e400", "-1e400", "1e-400", "1e38", "3.5e38", "nan", "inf", "1e", "0x10", "1_000", "+1", "00", "01",
  ].map { Array($0.utf8) }

  private static let odd: [[UInt8]] = [
    [0], [0x0A], [0x0D], [0x09], [0x1B, 0x5B], [0x22], [0x5C], [0x5C, 0x75, 0x64, 0x38, 0x30, 0x30], [0xFF],
    [0xC3],
    [0xE2, 0x80, 0xA8], [0xF0, 0x9F, 0x98, 0x80], [0xED, 0xA0, 0x80], [0xC0, 0x80], [0xEF, 0xBB, 0xBF],
    [0x65, 0xCC, 0x81],
    Array("\\u0000".utf8), Array("\\ud83d\\ude00".utf8), [0x7F], [0x25], [0x40],
  ]

  func mutate(_ text: inout [UInt8], _ dice: inout Dice) {
    guard text.count > 2 else {
      text += dice.pick(words)
      return
    }
    switch dice.below(12) {
    case 0, 1, 2: replaceNumber(&text, &dice)
    case 3, 4: replaceToken(&text, with: dice.pick(words), &dice)
    case 5: text.insert(contentsOf: dice.pick(words), at: dice.below(text.count + 1))
    case 6: text.insert(contentsOf: dice.pick(Self.odd), at: dice.below(text.count + 1))
    case 7: copyToken(&text, &dice)
    case 8: changeLines(&text, &dice)
    case 9: removeToken(&text, &dice)
    case 10: nest(&text, &dice)
    default:
      let marks = Array("{}[]:,=\"%@ \n-+.0".utf8)
      text[dice.below(text.count)] = dice.pick(marks)
    }
  }

  // MARK: Tokens

  private static func isWord(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x80...: true
    default: false
    }
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

  /// A run of word bytes at or behind a random place, else the byte there.
  private func token(_ text: [UInt8], _ dice: inout Dice) -> Range<Int> {
    let place = dice.below(text.count)
    guard let start = text[place...].firstIndex(where: Self.isWord) else { return place..<place + 1 }
    var (first, end) = (start, start)
    while first > 0, Self.isWord(text[first - 1]) { first -= 1 }
    while end < text.count, Self.isWord(text[end]) { end += 1 }
    return first..<end
  }

  private func replaceNumber(_ text: inout [UInt8], _ dice: inout Dice) {
    let place = dice.below(text.count)
    guard let start = text[place...].firstIndex(where: Self.isDigit) ?? text.firstIndex(where: Self.isDigit)
    else {
      return replaceToken(&text, with: dice.pick(Self.numbers), &dice)
    }
    var (first, end) = (start, start)
    while first > 0, Self.isDigit(text[first - 1]) || text[first - 1] == 0x2D { first -= 1 }
    while end < text.count, Self.isDigit(text[end]) || text[end] == 0x2E { end += 1 }
    let number: [UInt8] =
      switch dice.below(4) {
      case 0: Array("\(dice.integer())".utf8)
      case 1: Array("\(dice.below(40))".utf8)
      default: dice.pick(Self.numbers)
      }
    text.replaceSubrange(first..<end, with: number)
  }

  private func replaceToken(_ text: inout [UInt8], with word: [UInt8], _ dice: inout Dice) {
    text.replaceSubrange(token(text, &dice), with: word)
  }

  private func copyToken(_ text: inout [UInt8], _ dice: inout Dice) {
    let from = Array(text[token(text, &dice)])
    text.replaceSubrange(token(text, &dice), with: from)
  }

  private func removeToken(_ text: inout [UInt8], _ dice: inout Dice) {
    text.removeSubrange(token(text, &dice))
  }

  /// Removes, repeats or exchanges whole lines.
  private func changeLines(_ text: inout [UInt8], _ dice: inout Dice) {
    var lines = text.split(separator: 0x0A, omittingEmptySubsequences: false)
    guard lines.count > 1 else { return GenericMutator.duplicate(&text, &dice) }
    let (a, b) = (dice.below(lines.count), dice.below(lines.count))
    switch dice.below(4) {
    case 0: lines.remove(at: a)
    case 1: lines.insert(lines[a], at: b)
    case 2: lines.swapAt(a, b)
    default:
      let moved = lines.remove(at: a)
      lines.insert(moved, at: min(b, lines.count))
    }
    text = Array(lines.joined(separator: [0x0A]))
  }

  /// Opens brackets and sometimes closes them, few or very many.
  private func nest(_ text: inout [UInt8], _ dice: inout Dice) {
    let count = dice.once(in: 20) ? 200 + dice.below(3000) : 1 + dice.below(6)
    let open = dice.pick(["[", "{\"a\":", "[[", "{"].map { Array($0.utf8) })
    let close = dice.once(in: 2) ? Array((open.first == 0x5B ? "]" : "}").utf8) : []
    let inner = dice.once(in: 2) ? Array("1".utf8) : []
    let piece =
      Array(repeatElement(open, count: count).joined()) + inner
      + Array(repeatElement(close, count: count).joined())
    if dice.once(in: 2) {
      text.replaceSubrange(token(text, &dice), with: piece)
    } else {
      text.insert(contentsOf: piece, at: dice.below(text.count + 1))
    }
  }
}
