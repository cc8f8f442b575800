/// Paths and file names as text that keeps every byte.
///
/// A name is bytes and need not be UTF-8. Its text holds each byte that is no part of UTF-8 as the scalar U+10FE00 +
/// byte of a plane for private use. A name that holds one of those scalars itself has them taken for such bytes, so
/// that text and names are in one-to-one correspondence. PEP 383 does the same with surrogates, which a Swift string
/// cannot hold.
public enum FileName {
  /// Scalars that stand for the bytes 0x80 to 0xFF.
  private static let rawScalars: ClosedRange<UInt32> = 0x10_FE80...0x10_FEFF
  private static let rawBase: UInt32 = 0x10_FE00
  /// The first byte of a raw scalar in UTF-8, and of nothing but planes 15 and 16.
  private static let rawLead: UInt8 = 0xF4

  /// The text that stands for the name `bytes`.
  public static func text(of bytes: [UInt8]) -> String {
    if let text = String(validating: bytes, as: UTF8.self), !text.utf8.contains(rawLead) { return text }
    var text = String.UnicodeScalarView()
    var index = 0
    while index < bytes.count {
      let end = min(index + length(from: bytes[index]), bytes.count)
      if let part = String(validating: bytes[index..<end], as: UTF8.self), part.unicodeScalars.count == 1,
        let scalar = part.unicodeScalars.first, rawByte(scalar) == nil
      {
        text.append(scalar)
        index = end
      } else {
        if let scalar = Unicode.Scalar(rawBase + UInt32(bytes[index])) { text.append(scalar) }
        index += 1
      }
    }
    return String(text)
  }

  /// The text that stands for the name at `base`, which a zero ends.
  package static func text(of base: UnsafePointer<CChar>) -> String {
    var bytes: [UInt8] = []
    var next = base
    while next.pointee != 0 {
      bytes.append(UInt8(bitPattern: next.pointee))
      next += 1
    }
    return text(of: bytes)
  }

  /// The bytes of the name that `text` stands for.
  public static func bytes(of text: String) -> [UInt8] {
    guard text.utf8.contains(rawLead) else { return Array(text.utf8) }
    var bytes: [UInt8] = []
    for scalar in text.unicodeScalars {
      if let byte = rawByte(scalar) {
        bytes.append(byte)
      } else {
        bytes += Array(UTF8.encode(scalar) ?? .init())
      }
    }
    return bytes
  }

  /// The byte that is no part of UTF-8 and that `scalar` stands for; nil for any other scalar.
  package static func rawByte(_ scalar: Unicode.Scalar) -> UInt8? {
    rawScalars.contains(scalar.value) ? UInt8(scalar.value - rawBase) : nil
  }

  /// Calls `body` with the bytes of the path `text`, a zero after them, as system calls take it.
  package static func withBytes<R>(_ text: String, _ body: (UnsafePointer<CChar>) -> R) -> R {
    guard text.utf8.contains(rawLead) else { return text.withCString(body) }
    return (bytes(of: text) + [0]).withUnsafeBufferPointer { buffer in
      buffer.withMemoryRebound(to: CChar.self) { raw in
        raw.baseAddress.map(body) ?? "".withCString(body)
      }
    }
  }

  /// Whether the name that `first` stands for comes before that of `second` in byte-wise order.
  package static func precedes(_ first: String, _ second: String) -> Bool {
    guard first.utf8.contains(rawLead) || second.utf8.contains(rawLead) else {
      return first.utf8.lexicographicallyPrecedes(second.utf8)
    }
    return bytes(of: first).lexicographicallyPrecedes(bytes(of: second))
  }

  /// Bytes of the scalar whose UTF-8 begins with `lead`; 1 where none does.
  private static func length(from lead: UInt8) -> Int {
    switch lead {
    case 0xC2...0xDF: 2
    case 0xE0...0xEF: 3
    case 0xF0...0xF4: 4
    default: 1
    }
  }
}
