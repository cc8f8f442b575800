/// A cursor over bytes that never reads outside them.
public struct ByteReader: Sendable {
  /// The bytes read from.
  public let bytes: Bytes
  /// Next byte to read, counted from the start of `bytes`.
  public private(set) var position: Int = 0

  /// A cursor at the start of `bytes`.
  public init(_ bytes: Bytes) { self.bytes = bytes }

  /// Bytes between the cursor and the end.
  public var remaining: Int { bytes.count - position }
  /// True when no byte is left.
  public var isAtEnd: Bool { position == bytes.count }
  /// Position of the cursor counted from the start of the file, as errors report it.
  public var fileOffset: Int { bytes.offset + position }

  /// Moves the cursor to `newPosition`, at most one past the last byte.
  ///
  /// - Throws: `truncated` where `newPosition` lies outside the bytes.
  public mutating func seek(to newPosition: Int) throws(ReadError) {
    guard newPosition >= 0, newPosition <= bytes.count else {
      throw .truncated(offset: bytes.offset, expected: newPosition, found: bytes.count)
    }
    position = newPosition
  }

  /// Moves the cursor forward by `byteCount` bytes.
  ///
  /// - Throws: `truncated` where fewer bytes are left.
  public mutating func skip(_ byteCount: Int) throws(ReadError) {
    _ = try read(byteCount)
  }

  /// The next `byteCount` bytes as a window, without a copy.
  ///
  /// - Throws: `truncated` where fewer bytes are left.
  public mutating func read(_ byteCount: Int) throws(ReadError) -> Bytes {
    guard byteCount >= 0, byteCount <= remaining else {
      throw .truncated(offset: fileOffset, expected: byteCount, found: remaining)
    }
    let part = try bytes.slice(position, byteCount)
    position += byteCount
    return part
  }

  /// The next integer, little-endian.
  ///
  /// - Throws: `truncated` where fewer bytes are left than `type` has.
  public mutating func readLittle<T: FixedWidthInteger>(_ type: T.Type = T.self) throws(ReadError) -> T {
    T(littleEndian: try readRaw(type))
  }

  /// The next integer, big-endian.
  ///
  /// - Throws: `truncated` where fewer bytes are left than `type` has.
  public mutating func readBig<T: FixedWidthInteger>(_ type: T.Type = T.self) throws(ReadError) -> T {
    T(bigEndian: try readRaw(type))
  }

  /// The next byte.
  ///
  /// - Throws: `truncated` at the end.
  public mutating func readByte() throws(ReadError) -> UInt8 { try readRaw(UInt8.self) }

  private mutating func readRaw<T: FixedWidthInteger>(_ type: T.Type) throws(ReadError) -> T {
    let size = MemoryLayout<T>.size
    guard size <= remaining else {
      throw .truncated(offset: fileOffset, expected: size, found: remaining)
    }
    let value = bytes.unsafeBase.loadUnaligned(fromByteOffset: position, as: T.self)
    position += size
    return value
  }
}
