/// Numbers inside arrays of bytes; what lies outside is passed over, as damaged files have such places.
extension [UInt8] {
  /// The unsigned number of `width` bytes at `place`; nil outside.
  func little(_ place: Int, _ width: Int) -> Int? {
    guard place >= 0, width <= 8, place <= count - width else { return nil }
    var value: UInt64 = 0
    for index in 0..<width { value |= UInt64(self[place + index]) << UInt64(8 * index) }
    return Int(exactly: value)
  }

  /// As `little`, the highest byte first.
  func big(_ place: Int, _ width: Int) -> Int? {
    guard place >= 0, width <= 8, place <= count - width else { return nil }
    var value: UInt64 = 0
    for index in 0..<width { value = value << 8 | UInt64(self[place + index]) }
    return Int(exactly: value)
  }

  mutating func putLittle(_ value: UInt64, at place: Int, _ width: Int) {
    guard place >= 0, place <= count - width else { return }
    for index in 0..<width { self[place + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index)) }
  }

  mutating func putBig(_ value: UInt64, at place: Int, _ width: Int) {
    guard place >= 0, place <= count - width else { return }
    for index in 0..<width {
      self[place + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * (width - 1 - index)))
    }
  }

  mutating func appendLittle(_ value: UInt64, _ width: Int) {
    for index in 0..<width { append(UInt8(truncatingIfNeeded: value >> UInt64(8 * index))) }
  }

  mutating func appendBig(_ value: UInt64, _ width: Int) {
    for index in 0..<width { append(UInt8(truncatingIfNeeded: value >> UInt64(8 * (width - 1 - index)))) }
  }

  /// The first place of `pattern` at or behind `start`; nil where there is none.
  func place(of pattern: [UInt8], from start: Int = 0) -> Int? {
    guard !pattern.isEmpty, count >= pattern.count else { return nil }
    var place = Swift.max(start, 0)
    while place <= count - pattern.count {
      if self[place] == pattern[0], self[place..<place + pattern.count].elementsEqual(pattern) {
        return place
      }
      place += 1
    }
    return nil
  }
}
