import FixresBase

/// A JSON tokenizer that refuses duplicate keys in every object at any depth.
///
/// Keys are stored as positions in the text, and compared through one open-addressing hash table an object
/// (linear probing, at most half full), so that a header of half a million keys takes a few bytes for each.
struct StrictJSON {
  private var tokens: JSONTokenizer
  private let context: FaultContext
  /// The keys of all open objects; those of the innermost come last.
  private var keys: [JSONText] = []
  private var objects: [OpenObject] = []

  /// Limit on the bytes of a key, which bounds the time for comparing keys.
  static let maximumKeyByteCount = 1 << 16
  /// Limit on the keys of all open objects.
  static let maximumKeyCount = 1 << 19

  private struct OpenObject {
    /// Index of the object's first key in `keys`.
    var firstKey: Int
    /// Index of a key + 1 by hash, 0 for a free slot; empty while a linear search is as fast.
    var table: [UInt32] = []
  }

  /// Creates a tokenizer of the text in `bytes`.
  init(_ bytes: Bytes, context: FaultContext) {
    tokens = JSONTokenizer(bytes)
    self.context = context
  }

  /// Offset of the next token from the start of the file.
  var fileOffset: Int { tokens.bytes.offset + tokens.position }

  /// The next token; nil at the end of the text.
  mutating func next() throws(FormatError) -> JSONToken? {
    let token: JSONToken?
    do { token = try tokens.next() } catch { throw context.fault(error) }
    switch token {
    case .beginObject: objects.append(OpenObject(firstKey: keys.count))
    case .endObject:
      if let closed = objects.popLast() { keys.removeLast(keys.count - closed.firstKey) }
    case .key(let text): try insert(text)
    default: break
    }
    return token
  }

  /// The next token; the end of the text is an error.
  mutating func piece() throws(FormatError) -> JSONToken {
    guard let token = try next() else { throw fault("a value", "the end of the text") }
    return token
  }

  /// Skips the rest of the value that `token` begins.
  mutating func skip(_ token: JSONToken) throws(FormatError) {
    guard token == .beginObject || token == .beginArray else { return }
    let depth = tokens.depth
    while tokens.depth >= depth { _ = try piece() }
  }

  /// The text of a key or string, its escapes resolved.
  func string(_ text: JSONText) -> String { tokens.string(text) }

  /// True where the key is `word`.
  func isKey(_ text: JSONText, _ word: StaticString) -> Bool { tokens.text(text, is: word) }

  /// The value of an integer of 0 or more without sign, fraction or exponent.
  func naturalNumber(_ token: JSONToken) -> Int? {
    guard case .integer(let value) = token, let number = Int(exactly: value), number >= 0 else { return nil }
    // JSON accepts "-0" as an integer; the format's own reader does not.
    let end = tokens.position
    if number == 0, end >= 2, (try? tokens.bytes.byte(at: end - 2)) == UInt8(ascii: "-") { return nil }
    return number
  }

  /// A violation of the format's rules at the next token.
  func fault(_ expected: String, _ found: String) -> FormatError {
    context.fault(.byte(fileOffset), expected: expected, found: found)
  }

  // MARK: - Keys

  private mutating func insert(_ text: JSONText) throws(FormatError) {
    guard text.byteCount <= Self.maximumKeyByteCount else {
      throw fault("a key of at most \(Self.maximumKeyByteCount) bytes", "\(text.byteCount)")
    }
    guard keys.count < Self.maximumKeyCount else {
      throw fault("at most \(Self.maximumKeyCount) keys", "more")
    }
    guard var object = objects.popLast() else { return }
    let isNew = object.table.isEmpty ? searchAll(text, object) : insert(text, &object.table)
    guard isNew else { throw fault("each key once", "\(string(text).debugDescription) twice") }
    keys.append(text)
    let count = keys.count - object.firstKey
    if count >= 16, count * 2 > object.table.count { rebuild(&object) }
    objects.append(object)
  }

  private func searchAll(_ text: JSONText, _ object: OpenObject) -> Bool {
    !keys[object.firstKey...].contains { isEqual($0, text) }
  }

  /// Enters the key that is appended to `keys` next; false where an equal one is present.
  private func insert(_ text: JSONText, _ table: inout [UInt32]) -> Bool {
    let mask = table.count - 1
    var slot = hash(text) & mask
    while table[slot] != 0 {
      if isEqual(keys[Int(table[slot]) - 1], text) { return false }
      slot = (slot + 1) & mask
    }
    table[slot] = UInt32(keys.count + 1)
    return true
  }

  /// Replaces the table by one of four slots a key.
  private func rebuild(_ object: inout OpenObject) {
    var size = 64
    while size < (keys.count - object.firstKey) * 4 { size *= 2 }
    object.table = [UInt32](repeating: 0, count: size)
    for index in object.firstKey..<keys.count {
      var slot = hash(keys[index]) & (size - 1)
      while object.table[slot] != 0 { slot = (slot + 1) & (size - 1) }
      object.table[slot] = UInt32(index + 1)
    }
  }

  private func raw(_ text: JSONText) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: tokens.bytes.unsafeBase + text.start, count: text.byteCount)
  }

  private func isEqual(_ a: JSONText, _ b: JSONText) -> Bool {
    if a.hasEscapes || b.hasEscapes { return string(a).utf8.elementsEqual(string(b).utf8) }
    return a.byteCount == b.byteCount && raw(a).elementsEqual(raw(b))
  }

  /// `Hasher` is seeded in every process, so that no file can be made whose keys collide.
  private func hash(_ text: JSONText) -> Int {
    var hasher = Hasher()
    if text.hasEscapes {
      for byte in string(text).utf8 { hasher.combine(byte) }
    } else {
      // Byte by byte, so that a key has the same hash with and without escapes.
      for byte in raw(text) { hasher.combine(byte) }
    }
    return hasher.finalize() & .max
  }
}

extension FaultContext {
  /// A violation of JSON's rules.
  func fault(_ error: JSONError) -> FormatError {
    let (expected, found): (String, String) =
      switch error.reason {
      case .truncated: ("more JSON", "the end of the text")
      case .unexpected(let byte, let expected): (expected, "0x" + String(byte, radix: 16))
      case .trailingBytes: ("spaces only behind the JSON", "other bytes")
      case .invalidUTF8: ("UTF-8", "other bytes")
      case .invalidEscape: ("an escape of JSON", "another")
      case .loneSurrogate: ("both halves of a surrogate pair", "one")
      case .controlCharacter: ("no control character in a string", "one")
      case .numberOutOfRange: ("a number that a double can hold", "a greater one")
      case .tooDeep(let limit): ("at most \(limit) nested brackets", "more")
      case .duplicateKey(let key): ("each key once", "\(key.debugDescription) twice")
      }
    return fault(.byte(error.offset), expected: expected, found: found)
  }
}
