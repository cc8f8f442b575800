/// Why a `.npy` file was refused; offsets count from the start of the file.
public enum NpyError: Error, Hashable, Sendable {
  /// The magic number is missing.
  case notNpy
  /// A version of the format other than 1.0 to 3.0.
  case unsupportedVersion(major: UInt8, minor: UInt8)
  /// `expected` bytes of header or elements were needed and `found` were left.
  case truncated(expected: Int, found: Int)
  /// The elements take `expected` bytes and `found` follow the header.
  case trailingBytes(expected: Int, found: Int)
  /// The header is not the dictionary that the format demands; `expected` names what was expected at `offset`.
  case malformedHeader(offset: Int, expected: String)
  /// An element type other than a real number or Boolean, such as `|O` (objects) or `<c8` (complex).
  case unsupportedType(String)
  /// The byte count of the shape exceeds `Int`.
  case shapeOverflow([Int])
  /// The elements take `needed` bytes as float32 and for a copy, and the limits of the process leave `available`.
  case outOfMemory(needed: Int, available: Int)
}

/// The array of a `.npy` file, elements unconverted.
package struct NpyArray: Sendable {
  /// Types of elements.
  package enum Element: Hashable, Sendable {
    case float16, float32, float64, bool
    case int8, int16, int32, int64, uint8, uint16, uint32, uint64

    package var byteCount: Int {
      switch self {
      case .bool, .int8, .uint8: 1
      case .float16, .int16, .uint16: 2
      case .float32, .int32, .uint32: 4
      case .float64, .int64, .uint64: 8
      }
    }
  }

  package let shape: [Int]
  package let element: Element
  package let isBigEndian: Bool
  package let isFortranOrder: Bool
  /// The elements as the file stores them.
  package let data: Bytes
}

/// NumPy's array file, versions 1.0 to 3.0 (NumPy enhancement proposal 1).
package enum Npy {
  static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

  /// The array that `bytes`, a whole file, hold.
  package static func read(_ bytes: Bytes) throws(NpyError) -> NpyArray {
    guard bytes.starts(with: magic) else { throw .notNpy }
    var reader = ByteReader(bytes)
    let header: Bytes
    do {
      try reader.skip(magic.count)
      let major = try reader.readByte()
      let minor = try reader.readByte()
      guard (1...3).contains(major), minor == 0 else {
        throw NpyError.unsupportedVersion(major: major, minor: minor)
      }
      let length =
        major == 1 ? Int(try reader.readLittle(UInt16.self)) : Int(try reader.readLittle(UInt32.self))
      header = try reader.read(length)
    } catch let error as NpyError {
      throw error
    } catch let ReadError.truncated(_, expected, found) {
      throw .truncated(expected: expected, found: found)
    } catch {
      throw .notNpy
    }
    var parser = NpyHeaderParser(header)
    let fields = try parser.parse()
    guard let count = Int.checkedProduct(fields.shape),
      let byteCount = count.multipliedChecked(fields.element.byteCount)
    else { throw .shapeOverflow(fields.shape) }
    guard byteCount <= reader.remaining else {
      throw .truncated(expected: byteCount, found: reader.remaining)
    }
    guard byteCount == reader.remaining else {
      throw .trailingBytes(expected: byteCount, found: reader.remaining)
    }
    guard let data = try? reader.read(byteCount) else {
      throw .truncated(expected: byteCount, found: reader.remaining)
    }
    // What is made of the elements lies in arrays, whose refused allocation would end the process.
    let needed = count.multipliedSaturated(2 * MemoryLayout<Float>.stride)
    guard AddressSpace.allows(needed) else {
      throw .outOfMemory(needed: needed, available: AddressSpace.available())
    }
    return NpyArray(
      shape: fields.shape, element: fields.element, isBigEndian: fields.isBigEndian,
      isFortranOrder: fields.isFortranOrder, data: data)
  }

  /// The header of a C-order, little-endian file of `element`s, a multiple of 64 bytes long, and of `byteCount` bytes
  /// where that is more.
  package static func header(
    shape: [Int], element: NpyArray.Element, byteCount: Int = 0
  ) -> [UInt8] {
    let type =
      switch element {
      case .float16: "<f2"
      case .float32: "<f4"
      case .float64: "<f8"
      case .bool: "|b1"
      case .int8: "|i1"
      case .int16: "<i2"
      case .int32: "<i4"
      case .int64: "<i8"
      case .uint8: "|u1"
      case .uint16: "<u2"
      case .uint32: "<u4"
      case .uint64: "<u8"
      }
    let sides = shape.map(String.init).joined(separator: ", ") + (shape.count == 1 ? "," : "")
    var text = Array("{'descr': '\(type)', 'fortran_order': False, 'shape': (\(sides)), }".utf8)
    let isLong = text.count + 64 > Int(UInt16.max)
    let preface = magic.count + 2 + (isLong ? 4 : 2)
    let whole = preface + text.count + 1
    let padding = max((64 - whole % 64) % 64, byteCount - whole)
    text += [UInt8](repeating: 0x20, count: padding) + [0x0A]
    let count = text.count
    let length = (0..<(isLong ? 4 : 2)).map { UInt8(truncatingIfNeeded: count >> (8 * $0)) }
    return magic + [isLong ? 2 : 1, 0] + length + text
  }

  /// Writes float32 values in C order to `path`, atomically.
  package static func write(_ values: [Float], shape: [Int], to path: String) throws(FileError) {
    try values.withUnsafeBufferPointer { (part) throws(FileError) in
      try write(UnsafeRawBufferPointer(part), shape: shape, element: .float32, to: path)
    }
  }

  /// Writes uint8 values in C order to `path`, atomically.
  package static func write(_ values: [UInt8], shape: [Int], to path: String) throws(FileError) {
    try values.withUnsafeBufferPointer { (part) throws(FileError) in
      try write(UnsafeRawBufferPointer(part), shape: shape, element: .uint8, to: path)
    }
  }

  private static func write(
    _ raw: UnsafeRawBufferPointer, shape: [Int], element: NpyArray.Element, to path: String
  ) throws(FileError) {
    precondition(
      Int.checkedProduct(shape + [element.byteCount]) == raw.count, "the shape counts the values given")
    var writer = try AtomicFileWriter(path: path)
    try writer.write(header(shape: shape, element: element))
    try writer.write(raw)
    try writer.commit()
  }
}
