/// A string inside JSON text, validated but not yet decoded.
package struct JSONText: Hashable, Sendable {
  /// First byte after the opening quote, counted from the start of the tokenizer's bytes.
  package let start: Int
  /// Bytes between the quotes, escapes unresolved.
  package let byteCount: Int
  package let hasEscapes: Bool
}

/// A token of JSON text.
package enum JSONToken: Hashable, Sendable {
  case beginObject, endObject, beginArray, endArray
  /// A member's name; its value follows.
  case key(JSONText)
  case string(JSONText)
  case integer(Int64)
  /// A number with a fraction or an exponent, or an integer beyond 64 bits.
  case number(Double)
  case bool(Bool)
  case null
}

/// Why text is not JSON (RFC 8259, strictly); offsets count from the start of the file.
public struct JSONError: Error, Hashable, Sendable {
  /// What is wrong.
  public enum Reason: Hashable, Sendable {
    /// The text ends inside a value.
    case truncated
    /// A byte that the grammar does not allow here; `expected` names what it allows.
    case unexpected(byte: UInt8, expected: String)
    /// Bytes other than white space after the value.
    case trailingBytes
    /// A string that is not well-formed UTF-8.
    case invalidUTF8
    /// A backslash followed by none of the escapes of RFC 8259.
    case invalidEscape
    /// A surrogate `\uD800`-`\uDFFF` that is not half of a pair.
    case loneSurrogate
    /// A byte below 0x20 inside a string.
    case controlCharacter
    /// A number beyond the range of a double, such as 1e400, or of more than 1,100 characters.
    case numberOutOfRange
    /// Brackets nested deeper than `limit`.
    case tooDeep(limit: Int)
    /// A key that the object already has.
    case duplicateKey(String)
  }

  /// Byte that the error is about, counted from the start of the file.
  public let offset: Int
  /// What is wrong there.
  public let reason: Reason

  package init(offset: Int, reason: Reason) {
    self.offset = offset
    self.reason = reason
  }
}

/// A pull parser for JSON: linear time, one byte of memory for each open bracket.
///
/// Duplicate keys are not detected, since that needs memory for the keys; `JSON.parse` checks them.
package struct JSONTokenizer: @unchecked Sendable {
  // Sendable because `base` points into `bytes`, which are immutable.
  package let bytes: Bytes
  private let base: UnsafeRawPointer
  private let count: Int
  private let depthLimit: Int
  /// The next byte to read, counted from the start of `bytes`.
  package private(set) var position = 0
  /// The open brackets, `{` or `[`, outermost first.
  private var open: [UInt8] = []
  private var state = State.value

  private enum State { case value, firstElement, firstKey, afterValue, end }

  /// Default limit of nested brackets.
  package static let defaultDepthLimit = 128

  package init(_ bytes: Bytes, depthLimit: Int = JSONTokenizer.defaultDepthLimit) {
    self.bytes = bytes
    self.base = bytes.unsafeBase
    self.count = bytes.count
    self.depthLimit = depthLimit
  }

  /// Number of open brackets.
  package var depth: Int { open.count }

  /// The next token, or nil once the value is complete and only white space follows.
  package mutating func next() throws(JSONError) -> JSONToken? {
    skipSpace()
    switch state {
    case .end:
      if position < count { throw fail(.trailingBytes) }
      return nil
    case .value:
      return try value()
    case .firstElement:
      if peek == UInt8(ascii: "]") { return close(.endArray) }
      return try value()
    case .firstKey:
      if peek == UInt8(ascii: "}") { return close(.endObject) }
      return try key()
    case .afterValue:
      let isObject = open.last == UInt8(ascii: "{")
      guard position < count else { throw fail(.truncated) }
      switch byte(position) {
      case UInt8(ascii: ","):
        position += 1
        skipSpace()
        return isObject ? try key() : try value()
      case UInt8(ascii: "}") where isObject: return close(.endObject)
      case UInt8(ascii: "]") where !isObject: return close(.endArray)
      case let found: throw fail(.unexpected(byte: found, expected: isObject ? "`,` or `}`" : "`,` or `]`"))
      }
    }
  }

  /// Skips the rest of the value that `token` begins.
  package mutating func skip(_ token: JSONToken) throws(JSONError) {
    guard token == .beginObject || token == .beginArray else { return }
    let outside = depth - 1
    while depth > outside, try next() != nil {}
  }

  /// An error at byte `index` of `bytes`, by default the next byte.
  package func fail(_ reason: JSONError.Reason, at index: Int? = nil) -> JSONError {
    JSONError(offset: bytes.offset.addingSaturated(index ?? position), reason: reason)
  }

  // MARK: - Grammar

  private var peek: UInt8? { position < count ? byte(position) : nil }

  @inline(__always)
  private func byte(_ index: Int) -> UInt8 { base.load(fromByteOffset: index, as: UInt8.self) }

  private mutating func skipSpace() {
    while position < count {
      switch byte(position) {
      case 0x20, 0x09, 0x0A, 0x0D: position += 1
      default: return
      }
    }
  }

  private mutating func close(_ token: JSONToken) -> JSONToken {
    position += 1
    open.removeLast()
    state = open.isEmpty ? .end : .afterValue
    return token
  }

  private mutating func push(_ bracket: UInt8) throws(JSONError) {
    guard open.count < depthLimit else { throw fail(.tooDeep(limit: depthLimit)) }
    open.append(bracket)
    position += 1
    state = bracket == UInt8(ascii: "{") ? .firstKey : .firstElement
  }

  private mutating func key() throws(JSONError) -> JSONToken {
    guard let found = peek else { throw fail(.truncated) }
    guard found == UInt8(ascii: "\"") else { throw fail(.unexpected(byte: found, expected: "a key")) }
    let text = try string()
    skipSpace()
    guard let colon = peek else { throw fail(.truncated) }
    guard colon == UInt8(ascii: ":") else { throw fail(.unexpected(byte: colon, expected: "`:`")) }
    position += 1
    state = .value
    return .key(text)
  }

  private mutating func value() throws(JSONError) -> JSONToken {
    guard let found = peek else { throw fail(.truncated) }
    switch found {
    case UInt8(ascii: "{"):
      try push(found)
      return .beginObject
    case UInt8(ascii: "["):
      try push(found)
      return .beginArray
    default: break
    }
    let token: JSONToken
    switch found {
    case UInt8(ascii: "\""): token = .string(try string())
    case UInt8(ascii: "t"): token = try word("true", .bool(true))
    case UInt8(ascii: "f"): token = try word("false", .bool(false))
    case UInt8(ascii: "n"): token = try word("null", .null)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): token = try number()
    default: throw fail(.unexpected(byte: found, expected: "a value"))
    }
    state = open.isEmpty ? .end : .afterValue
    return token
  }

  private mutating func word(_ word: StaticString, _ token: JSONToken) throws(JSONError) -> JSONToken {
    for index in 0..<word.utf8CodeUnitCount {
      guard let found = peek else { throw fail(.truncated) }
      guard found == word.utf8Start[index] else {
        throw fail(.unexpected(byte: found, expected: "`\(word)`"))
      }
      position += 1
    }
    return token
  }

  // MARK: - Numbers

  /// Characters of the longest number accepted: enough for every double, and a bound on the time to convert one.
  private static let longestNumber = 1100

  private mutating func number() throws(JSONError) -> JSONToken {
    let start = position
    if peek == UInt8(ascii: "-") { position += 1 }
    if peek == UInt8(ascii: "0") { position += 1 } else { try digits() }
    var isInteger = true
    if peek == UInt8(ascii: ".") {
      isInteger = false
      position += 1
      try digits()
    }
    if peek == UInt8(ascii: "e") || peek == UInt8(ascii: "E") {
      isInteger = false
      position += 1
      if peek == UInt8(ascii: "+") || peek == UInt8(ascii: "-") { position += 1 }
      try digits()
    }
    guard position - start <= JSONTokenizer.longestNumber else { throw fail(.numberOutOfRange, at: start) }
    let text = String(
      decoding: UnsafeRawBufferPointer(start: base + start, count: position - start), as: UTF8.self)
    if isInteger, let value = Int64(text) { return .integer(value) }
    guard let value = Double(text), value.isFinite else { throw fail(.numberOutOfRange, at: start) }
    return .number(value)
  }

  private mutating func digits() throws(JSONError) {
    guard let first = peek else { throw fail(.truncated) }
    guard first >= 0x30, first <= 0x39 else { throw fail(.unexpected(byte: first, expected: "a digit")) }
    while let digit = peek, digit >= 0x30, digit <= 0x39 { position += 1 }
  }
}

// MARK: - Strings

extension JSONTokenizer {
  private mutating func string() throws(JSONError) -> JSONText {
    position += 1
    let start = position
    var hasEscapes = false
    while position < count {
      let found = byte(position)
      switch found {
      case UInt8(ascii: "\""):
        let text = JSONText(start: start, byteCount: position - start, hasEscapes: hasEscapes)
        position += 1
        return text
      case UInt8(ascii: "\\"):
        hasEscapes = true
        try escape()
      case 0x20..<0x80: position += 1
      case 0x00..<0x20: throw fail(.controlCharacter)
      default: position += try multibyteLength()
      }
    }
    throw fail(.truncated)
  }

  private mutating func escape() throws(JSONError) {
    let start = position
    guard position + 1 < count else { throw fail(.truncated) }
    switch byte(position + 1) {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
      UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
      position += 2
    case UInt8(ascii: "u"):
      let unit = try hexUnit(at: position)
      position += 6
      if unit >= 0xDC00, unit < 0xE000 { throw fail(.loneSurrogate, at: start) }
      guard unit >= 0xD800, unit < 0xDC00 else { return }
      guard position < count else { throw fail(.truncated) }
      guard byte(position) == UInt8(ascii: "\\") else { throw fail(.loneSurrogate, at: start) }
      guard position + 1 < count else { throw fail(.truncated) }
      guard byte(position + 1) == UInt8(ascii: "u") else { throw fail(.loneSurrogate, at: start) }
      let low = try hexUnit(at: position)
      guard low >= 0xDC00, low < 0xE000 else { throw fail(.loneSurrogate, at: start) }
      position += 6
    default: throw fail(.invalidEscape)
    }
  }

  /// The value of `\uHHHH` at `escape`.
  private func hexUnit(at escape: Int) throws(JSONError) -> UInt32 {
    var unit: UInt32 = 0
    for index in escape + 2..<escape + 6 {
      guard index < count else { throw fail(.truncated, at: index) }
      guard let digit = JSONTokenizer.hexDigit(byte(index)) else { throw fail(.invalidEscape, at: escape) }
      unit = unit << 4 | digit
    }
    return unit
  }

  private static func hexDigit(_ byte: UInt8) -> UInt32? {
    switch byte {
    case 0x30...0x39: UInt32(byte - 0x30)
    case 0x41...0x46: UInt32(byte - 0x41 + 10)
    case 0x61...0x66: UInt32(byte - 0x61 + 10)
    default: nil
    }
  }

  /// Bytes of the well-formed UTF-8 sequence at the cursor (Unicode 15, table 3-7).
  private func multibyteLength() throws(JSONError) -> Int {
    let lead = byte(position)
    let length: Int
    var second: ClosedRange<UInt8> = 0x80...0xBF
    switch lead {
    case 0xC2...0xDF: length = 2
    case 0xE0: (length, second) = (3, 0xA0...0xBF)
    case 0xED: (length, second) = (3, 0x80...0x9F)
    case 0xE1...0xEF: length = 3
    case 0xF0: (length, second) = (4, 0x90...0xBF)
    case 0xF1...0xF3: length = 4
    case 0xF4: (length, second) = (4, 0x80...0x8F)
    default: throw fail(.invalidUTF8)
    }
    guard length <= count - position else { throw fail(.invalidUTF8) }
    guard second.contains(byte(position + 1)) else { throw fail(.invalidUTF8) }
    for index in position + 2..<position + max(length, 2) where byte(index) & 0xC0 != 0x80 {
      throw fail(.invalidUTF8)
    }
    return length
  }

  /// The decoded string of `text`, a token of these bytes.
  package func string(_ text: JSONText) -> String {
    let raw = UnsafeRawBufferPointer(start: base + text.start, count: text.byteCount)
    guard text.hasEscapes else { return String(decoding: raw, as: UTF8.self) }
    return String(decoding: unescaped(text), as: UTF8.self)
  }

  /// True when `text` decodes to `word`.
  package func text(_ text: JSONText, is word: StaticString) -> Bool {
    if text.hasEscapes { return unescaped(text).elementsEqual("\(word)".utf8) }
    guard text.byteCount == word.utf8CodeUnitCount else { return false }
    for index in 0..<text.byteCount where byte(text.start + index) != word.utf8Start[index] { return false }
    return true
  }

  private func unescaped(_ text: JSONText) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(text.byteCount)
    var index = text.start
    let end = text.start + text.byteCount
    while index < end {
      guard byte(index) == UInt8(ascii: "\\") else {
        result.append(byte(index))
        index += 1
        continue
      }
      index += appendEscape(at: index, to: &result)
    }
    return result
  }

  /// Appends the character of the escape at `index`, which has been validated; returns the escape's length in bytes.
  private func appendEscape(at index: Int, to result: inout [UInt8]) -> Int {
    switch byte(index + 1) {
    case UInt8(ascii: "b"): result.append(0x08)
    case UInt8(ascii: "f"): result.append(0x0C)
    case UInt8(ascii: "n"): result.append(0x0A)
    case UInt8(ascii: "r"): result.append(0x0D)
    case UInt8(ascii: "t"): result.append(0x09)
    case UInt8(ascii: "u"):
      let unit = checkedUnit(at: index)
      let isPair = unit >= 0xD800 && unit < 0xDC00
      let low = isPair ? checkedUnit(at: index + 6) : 0
      let scalar = isPair ? 0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00) : unit
      if let scalar = Unicode.Scalar(scalar) { result.append(contentsOf: UTF8.encode(scalar) ?? .init()) }
      return isPair ? 12 : 6
    case let plain: result.append(plain)
    }
    return 2
  }

  private func checkedUnit(at index: Int) -> UInt32 {
    (index + 2..<index + 6).reduce(0) { $0 << 4 | (JSONTokenizer.hexDigit(byte($1)) ?? 0) }
  }
}
