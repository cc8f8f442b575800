/// Parses the Python dictionary of a `.npy` header, which has three known keys; no evaluation, no recursion.
struct NpyHeaderParser {
  struct Fields {
    var shape: [Int]
    var element: NpyArray.Element
    var isBigEndian: Bool
    var isFortranOrder: Bool
  }

  private let bytes: Bytes
  private let base: UnsafeRawPointer
  private var position = 0

  init(_ bytes: Bytes) {
    self.bytes = bytes
    self.base = bytes.unsafeBase
  }

  mutating func parse() throws(NpyError) -> Fields {
    var type: (NpyArray.Element, Bool)?
    var isFortranOrder: Bool?
    var shape: [Int]?
    try expect("{")
    while !accept("}") {
      let start = position
      switch try string() {
      case "descr" where type == nil:
        try expect(":")
        type = try elementType()
      case "fortran_order" where isFortranOrder == nil:
        try expect(":")
        isFortranOrder = try bool()
      case "shape" where shape == nil:
        try expect(":")
        shape = try tuple()
      default: throw fail("one each of 'descr', 'fortran_order' and 'shape'", at: start)
      }
      if !accept(",") {
        try expect("}")
        break
      }
    }
    skipSpace()
    guard position == bytes.count else { throw fail("the end of the header") }
    guard let type, let isFortranOrder, let shape else {
      throw fail("one each of 'descr', 'fortran_order' and 'shape'")
    }
    return Fields(shape: shape, element: type.0, isBigEndian: type.1, isFortranOrder: isFortranOrder)
  }

  private func fail(_ expected: String, at index: Int? = nil) -> NpyError {
    .malformedHeader(offset: bytes.offset + (index ?? position), expected: expected)
  }

  private var peek: UInt8? {
    position < bytes.count ? base.load(fromByteOffset: position, as: UInt8.self) : nil
  }

  private mutating func skipSpace() {
    while let byte = peek, byte == 0x20 || byte == 0x0A || byte == 0x09 || byte == 0x0D { position += 1 }
  }

  private mutating func accept(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    guard peek == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func expect(_ character: Unicode.Scalar) throws(NpyError) {
    guard accept(character) else { throw fail("`\(character)`") }
  }

  private mutating func string() throws(NpyError) -> String {
    skipSpace()
    guard let quote = peek, quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"") else {
      throw fail("a quoted name")
    }
    position += 1
    let start = position
    while let byte = peek, byte != quote {
      guard byte >= 0x20, byte < 0x7F, byte != UInt8(ascii: "\\"), position - start < 64 else {
        throw fail("a short quoted name")
      }
      position += 1
    }
    guard peek == quote else { throw fail("a closing quote") }
    let text = String(
      decoding: UnsafeRawBufferPointer(start: base + start, count: position - start), as: UTF8.self)
    position += 1
    return text
  }

  private mutating func word() -> String {
    skipSpace()
    let start = position
    while let byte = peek, byte >= 0x41, byte <= 0x7A, position - start < 16 { position += 1 }
    return String(
      decoding: UnsafeRawBufferPointer(start: base + start, count: position - start), as: UTF8.self)
  }

  private mutating func bool() throws(NpyError) -> Bool {
    let start = position
    switch word() {
    case "True": return true
    case "False": return false
    default: throw fail("True or False", at: start)
    }
  }

  private mutating func tuple() throws(NpyError) -> [Int] {
    try expect("(")
    var sides: [Int] = []
    while !accept(")") {
      sides.append(try integer())
      if !accept(",") {
        // `(3)` is a number in Python, not a tuple.
        guard sides.count > 1 else { throw fail("`,`") }
        try expect(")")
        break
      }
    }
    return sides
  }

  private mutating func integer() throws(NpyError) -> Int {
    skipSpace()
    let start = position
    var value = 0
    while let byte = peek, byte >= 0x30, byte <= 0x39 {
      guard let next = value.multipliedChecked(10)?.addingChecked(Int(byte - 0x30)) else {
        throw fail("a length below 2^63", at: start)
      }
      value = next
      position += 1
    }
    guard position > start else { throw fail("a length of 0 or more") }
    // Python 2 wrote long integers as `3L`.
    if peek == UInt8(ascii: "L") { position += 1 }
    return value
  }

  private mutating func elementType() throws(NpyError) -> (NpyArray.Element, Bool) {
    skipSpace()
    if peek == UInt8(ascii: "[") { throw .unsupportedType("a structure") }
    let type = try string()
    let element: NpyArray.Element
    switch type.dropFirst() {
    case "f2": element = .float16
    case "f4": element = .float32
    case "f8": element = .float64
    case "b1": element = .bool
    case "i1": element = .int8
    case "i2": element = .int16
    case "i4": element = .int32
    case "i8": element = .int64
    case "u1": element = .uint8
    case "u2": element = .uint16
    case "u4": element = .uint32
    case "u8": element = .uint64
    default: throw .unsupportedType(type)
    }
    switch type.first {
    case "<", "=": return (element, false)
    case ">": return (element, true)
    case "|" where element.byteCount == 1: return (element, false)
    default: throw .unsupportedType(type)
    }
  }
}
