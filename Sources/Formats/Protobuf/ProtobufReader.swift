import FixresBase

/// Reads the fields of one protobuf message in file order, without recursion or allocation.
///
/// Format: protobuf.dev/programming-guides/encoding. A message is a sequence of fields, in any order, that
/// may repeat:
///
///     tag       varint: field number << 3 | wire type
///     payload   wire type 0: varint    base-128: 7 bits a byte, least significant first, top bit: more follow
///               wire type 1: fixed64   8 bytes, little-endian
///               wire type 2: bytes     varint length, then the bytes: text, a nested message, a packed list
///               wire type 5: fixed32   4 bytes, little-endian
///
/// Wire types 3 and 4 (groups), which no ONNX writer emits, are refused. The schema is the caller's: a nested
/// message is read by another `ProtobufReader` over the field's bytes, and fields that the caller does not
/// know are skipped.
struct ProtobufReader {
  /// One field.
  struct Field {
    /// The value by wire type.
    enum Payload {
      case varint(UInt64)
      case fixed64(UInt64)
      case bytes(Bytes)
      case fixed32(UInt32)
    }

    /// The field number of the schema.
    let number: Int
    /// The value.
    let payload: Payload
    /// Offset of the field's tag from the start of the file.
    let offset: Int
  }

  /// Makes the errors.
  let context: FaultContext
  private var reader: ByteReader

  /// Creates a reader of the message in `bytes`.
  init(_ bytes: Bytes, _ context: FaultContext) {
    self.context = context
    reader = ByteReader(bytes)
  }

  /// True behind the last field.
  var isAtEnd: Bool { reader.isAtEnd }

  /// The next field, or nil at the end of the message.
  mutating func next() throws(FormatError) -> Field? {
    guard !reader.isAtEnd else { return nil }
    let offset = reader.fileOffset
    let tag = try varint()
    let number = tag >> 3
    guard number >= 1, number < 1 << 29 else {
      throw context.fault(.byte(offset), expected: "a field number from 1 to 536870911", found: "\(number)")
    }
    let payload: Field.Payload
    switch tag & 7 {
    case 0: payload = .varint(try varint())
    case 1: payload = .fixed64(try little(UInt64.self))
    case 2: payload = .bytes(try delimited())
    case 5: payload = .fixed32(try little(UInt32.self))
    case 3, 4: throw context.fault(.byte(offset), expected: "no group", found: "a group in field \(number)")
    default: throw context.fault(.byte(offset), expected: "a wire type of 0, 1, 2 or 5", found: "\(tag & 7)")
    }
    return Field(number: Int(number), payload: payload, offset: offset)
  }

  /// A base-128 number of at most 64 bits, in at most 10 bytes.
  mutating func varint() throws(FormatError) -> UInt64 {
    let offset = reader.fileOffset
    var value: UInt64 = 0
    for index in 0..<10 {
      let byte: UInt8
      do { byte = try reader.readByte() } catch { throw context.fault(error) }
      guard index < 9 || byte <= 1 else { break }
      value |= UInt64(byte & 0x7F) << (7 * UInt64(index))
      if byte < 0x80 { return value }
    }
    throw context.fault(.byte(offset), expected: "a number of 64 bits in 10 bytes", found: "a longer one")
  }

  private mutating func delimited() throws(FormatError) -> Bytes {
    let offset = reader.fileOffset
    let length = try varint()
    guard length <= UInt64(reader.remaining) else {
      throw context.fault(.byte(offset), expected: "\(length) more bytes", found: "\(reader.remaining)")
    }
    do { return try reader.read(Int(length)) } catch { throw context.fault(error) }
  }

  /// A little-endian number.
  mutating func little<T: FixedWidthInteger>(_ type: T.Type) throws(FormatError) -> T {
    do { return try reader.readLittle(type) } catch { throw context.fault(error) }
  }
}

extension ProtobufReader.Field {
  private func wrong(_ expected: String, _ context: FaultContext) -> FormatError {
    let found =
      switch payload {
      case .varint: "a varint"
      case .fixed64: "a fixed64"
      case .bytes: "a length-delimited field"
      case .fixed32: "a fixed32"
      }
    return context.fault(.byte(offset), expected: "\(expected) in field \(number)", found: found)
  }

  /// The bytes of a length-delimited field.
  func bytes(_ context: FaultContext) throws(FormatError) -> Bytes {
    guard case .bytes(let bytes) = payload else { throw wrong("a length-delimited field", context) }
    return bytes
  }

  /// The text of a length-delimited field, which must be UTF-8.
  func string(_ context: FaultContext) throws(FormatError) -> String {
    let bytes = try bytes(context)
    guard let text = bytes.withUnsafeBytes({ String(validating: $0, as: UTF8.self) }) else {
      throw context.fault(.byte(offset), expected: "UTF-8 text in field \(number)", found: "other bytes")
    }
    return text
  }

  /// The value of a varint field, in two's complement.
  func int64(_ context: FaultContext) throws(FormatError) -> Int64 {
    guard case .varint(let value) = payload else { throw wrong("a varint", context) }
    return Int64(bitPattern: value)
  }

  /// The value of a fixed32 field.
  func float(_ context: FaultContext) throws(FormatError) -> Float {
    guard case .fixed32(let bits) = payload else { throw wrong("a fixed32", context) }
    return Float(bitPattern: bits)
  }

  /// Appends the numbers of a repeated varint field, packed or not, to `list`.
  func int64s(
    into list: inout [Int64], limit: Int, _ context: FaultContext
  ) throws(FormatError) {
    switch payload {
    case .varint(let value): list.append(Int64(bitPattern: value))
    case .bytes(let bytes):
      var reader = ProtobufReader(bytes, context)
      while !reader.isAtEnd {
        list.append(Int64(bitPattern: try reader.varint()))
        guard list.count <= limit else { break }
      }
    default: throw wrong("varints", context)
    }
    guard list.count <= limit else {
      throw context.fault(
        .byte(offset), expected: "at most \(limit) numbers in field \(number)", found: "more")
    }
  }

  /// Appends the numbers of a repeated float field, packed or not, to `list`.
  func floats(into list: inout [Float], limit: Int, _ context: FaultContext) throws(FormatError) {
    switch payload {
    case .fixed32(let bits): list.append(Float(bitPattern: bits))
    case .bytes(let bytes):
      var reader = ProtobufReader(bytes, context)
      while !reader.isAtEnd {
        list.append(Float(bitPattern: try reader.little(UInt32.self)))
        guard list.count <= limit else { break }
      }
    default: throw wrong("floats", context)
    }
    guard list.count <= limit else {
      throw context.fault(
        .byte(offset), expected: "at most \(limit) numbers in field \(number)", found: "more")
    }
  }
}
