import FixresBase

/// Names that are not UTF-8, which JSON cannot hold: their texts show each such byte as `\\xff`, which a name may also
/// spell out, so that a member beside them says what the name is.
extension JSON.Object {
  /// What is added to the key of a text for the member that holds its bytes.
  static let suffix = "_base64"

  /// The object with a member `KEY_base64` behind each member `KEY` whose text has bytes that are not UTF-8, or whose array
  /// has such a text: its bytes in base64, of an array null for the texts that are UTF-8. Sentences have none.
  var withNameBytes: JSON.Object {
    guard members.contains(where: { $0.value.holdsRawBytes }) else { return self }
    var result = JSON.Object()
    for member in members {
      result[member.key] = member.value.withNameBytes
      if member.key != "message", let bytes = member.value.nameBytes {
        result[member.key + Self.suffix] = bytes
      }
    }
    return result
  }
}

extension JSON {
  /// Whether any text in it has bytes that are not UTF-8.
  fileprivate var holdsRawBytes: Bool {
    switch self {
    case .string(let text): text.unicodeScalars.contains { FileName.rawByte($0) != nil }
    case .array(let elements): elements.contains { $0.holdsRawBytes }
    case .object(let object): object.members.contains { $0.value.holdsRawBytes }
    case .null, .bool, .integer, .number: false
    }
  }

  /// The same value, its objects with the bytes of their names.
  var withNameBytes: JSON {
    switch self {
    case .object(let object): .object(object.withNameBytes)
    case .array(let elements) where holdsRawBytes: .array(elements.map(\.withNameBytes))
    default: self
    }
  }

  /// The bytes of a text, or of the texts of an array, in base64; nil where all are UTF-8.
  fileprivate var nameBytes: JSON? {
    switch self {
    case .string(let text):
      holdsRawBytes ? .string(Self.base64(FileName.bytes(of: text))) : nil
    case .array(let elements):
      elements.contains { $0.nameBytes != nil } ? .array(elements.map { $0.nameBytes ?? .null }) : nil
    case .null, .bool, .integer, .number, .object: nil
    }
  }

  /// `bytes` in base64 (RFC 4648, section 4).
  private static func base64(_ bytes: [UInt8]) -> String {
    let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
    var text = ""
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = bytes[start..<min(start + 3, bytes.count)]
      let bits = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
      for place in 0..<4 {
        text.append(place <= group.count ? digits[bits >> (18 - 6 * place) & 63] : "=")
      }
    }
    return text
  }
}
