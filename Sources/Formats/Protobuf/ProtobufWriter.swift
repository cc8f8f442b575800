/// Appends the fields of one protobuf message to an array; the format is described at `ProtobufReader`.
struct ProtobufWriter {
  /// The message so far.
  private(set) var bytes: [UInt8] = []

  /// Appends a base-128 number.
  mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(rest & 0x7F) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  private mutating func tag(_ field: Int, _ wireType: UInt64) { varint(UInt64(field) << 3 | wireType) }

  /// Appends an integer as a varint field, in two's complement.
  mutating func integer(_ field: Int, _ value: Int) {
    tag(field, 0)
    varint(UInt64(bitPattern: Int64(value)))
  }

  /// Appends a float32 as a fixed32 field.
  mutating func float(_ field: Int, _ value: Float) {
    tag(field, 5)
    withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
  }

  /// Appends a text field.
  mutating func string(_ field: Int, _ text: String) { data(field, Array(text.utf8)) }

  /// Appends a field of bytes.
  mutating func data(_ field: Int, _ data: [UInt8]) {
    header(field, byteCount: data.count)
    bytes += data
  }

  /// Appends the tag and length of a field whose bytes the caller writes behind it.
  mutating func header(_ field: Int, byteCount: Int) {
    tag(field, 2)
    varint(UInt64(byteCount))
  }

  /// Appends a nested message that `body` fills.
  mutating func message(_ field: Int, _ body: (inout ProtobufWriter) -> Void) {
    var message = ProtobufWriter()
    body(&message)
    data(field, message.bytes)
  }
}
