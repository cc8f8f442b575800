import FixresBase

/// Parses the marker segments of a JPEG (T.81, Annex B) and holds the tables that they define.
struct JPEGMarkers {
  enum Code {
    static let startOfImage: UInt8 = 0xD8
    static let endOfImage: UInt8 = 0xD9
    static let startOfScan: UInt8 = 0xDA
    static let quantization: UInt8 = 0xDB
    static let restartInterval: UInt8 = 0xDD
    static let huffman: UInt8 = 0xC4
    static let adobe: UInt8 = 0xEE
    static let exif: UInt8 = 0xE1
    static let jfif: UInt8 = 0xE0
  }

  /// A Huffman table of the file; one that is no prefix code is an error where it is used.
  enum Definition {
    case table(HuffmanTable)
    case malformed
  }

  let bytes: Bytes
  var position: Int

  /// `[4]` of `[64]` in natural order.
  var quantization: [[Int16]?] = [nil, nil, nil, nil]
  /// `[4]`; nil: not defined.
  var dcTables: [Definition?] = [nil, nil, nil, nil]
  var acTables: [Definition?] = [nil, nil, nil, nil]
  /// MCUs between restart markers; 0: none.
  var restartInterval = 0
  var hasJFIF = false
  /// The transform that an Adobe segment declares; nil without one.
  var adobeTransform: Int?
  private var exif: [UInt8] = []

  init(_ bytes: Bytes) {
    self.bytes = bytes
    position = 2
  }

  /// EXIF orientation, 1...8, of the segments read so far.
  var orientation: Int { ExifReader.orientation(in: exif) }

  func malformed(_ offset: Int, _ expected: String, _ found: String) -> ImageError {
    .malformed(.jpeg, offset: offset, expected: expected, found: found)
  }

  private func byte(_ offset: Int) throws(ImageError) -> UInt8 {
    guard let byte = try? bytes.byte(at: offset) else {
      throw .truncated(.jpeg, offset: offset, expected: 1, found: 0)
    }
    return byte
  }

  /// The next marker's code; bytes before it are skipped, as libjpeg does.
  mutating func nextMarker() throws(ImageError) -> UInt8 {
    while true {
      position = bytes.withUnsafeBytes { all in
        var index = position
        while index < all.count, all[index] != 0xFF { index += 1 }
        while index < all.count, all[index] == 0xFF { index += 1 }
        return index
      }
      let code = try byte(position)
      position += 1
      if code != 0 { return code }
    }
  }

  /// Skips the segment of the marker just read; one of less than its length's two bytes is empty, as in libjpeg.
  private mutating func skippable() throws(ImageError) -> Bytes {
    if Int(try byte(position)) << 8 | Int(try byte(position + 1)) < 2 {
      position += 2
      return .empty
    }
    return try segment()
  }

  /// The segment of the marker just read, without its length.
  mutating func segment() throws(ImageError) -> Bytes {
    let length = Int(try byte(position)) << 8 | Int(try byte(position + 1))
    guard length >= 2 else { throw malformed(position, "a segment length of at least 2", "\(length)") }
    guard let segment = try? bytes.slice(position + 2, length - 2) else {
      throw .truncated(
        .jpeg, offset: position + 2, expected: length - 2, found: max(bytes.count - position - 2, 0))
    }
    position += length
    return segment
  }

  /// True for segments whose content does not matter: application data, comments, a number of lines.
  static func isSkipped(_ code: UInt8) -> Bool {
    (0xE0...0xEF).contains(code) || code == 0xFE || code == 0xDC
  }

  /// Checks a segment of arithmetic conditioning, which Huffman coding does not use, as libjpeg does.
  private mutating func checkConditioning() throws(ImageError) {
    let start = position
    let body = try segment().array
    for at in stride(from: 0, to: body.count, by: 2) {
      let isWhole = at + 1 < body.count
      guard isWhole, body[at] < 32, body[at] >= 16 || body[at + 1] & 15 <= body[at + 1] >> 4 else {
        throw malformed(start, "arithmetic conditioning of tables 0...15", "table \(body[at])")
      }
    }
  }

  /// Reads a segment that defines tables or that decoding ignores; false where `code` is neither.
  mutating func readTables(_ code: UInt8) throws(ImageError) -> Bool {
    switch code {
    case Code.quantization: try readQuantization()
    case Code.huffman: try readHuffman()
    case Code.restartInterval:
      let body = try segment()
      guard body.count == 2 else {
        throw malformed(position, "a restart segment of 2 bytes", "\(body.count)")
      }
      restartInterval = body.withUnsafeBytes { Int($0[0]) << 8 | Int($0[1]) }
    case Code.jfif:
      let body = try skippable()
      if body.count >= 14, body.starts(with: Array("JFIF\0".utf8)) { hasJFIF = true }
    case Code.exif:
      let body = try skippable()
      if body.starts(with: Array("Exif\0\0".utf8)) {
        exif += body.array.dropFirst(6)
      }
    case Code.adobe:
      let body = try skippable()
      if body.count >= 12, body.starts(with: Array("Adobe".utf8)) {
        adobeTransform = body.withUnsafeBytes { Int($0[11]) }
      }
    case _ where Self.isSkipped(code): _ = try skippable()
    case 0xCC: try checkConditioning()
    case 0x01, 0xD0...0xD7: break
    default: return false
    }
    return true
  }

  private mutating func readQuantization() throws(ImageError) {
    let start = position
    let body = try segment().array
    var index = 0
    while index < body.count {
      let isWide = body[index] >> 4 != 0
      let table = Int(body[index] & 15)
      let byteCount = isWide ? 128 : 64
      guard table < 4, body.count - index - 1 >= byteCount else {
        throw malformed(
          start, "quantisation tables 0...3 of 64 values", "table \(table), \(body.count - index - 1) bytes")
      }
      var values = [Int16](repeating: 0, count: 64)
      for k in 0..<64 {
        let at = index + 1 + (isWide ? 2 * k : k)
        let value = isWide ? UInt16(body[at]) << 8 | UInt16(body[at + 1]) : UInt16(body[at])
        values[Int(Zigzag.naturalOrder[k])] = Int16(bitPattern: value)
      }
      quantization[table] = values
      index += 1 + byteCount
    }
  }

  private mutating func readHuffman() throws(ImageError) {
    let start = position
    let body = try segment().array
    var index = 0
    while index < body.count {
      guard body.count - index >= 17 else {
        throw malformed(start, "a Huffman table of 17 bytes and its symbols", "\(body.count - index) bytes")
      }
      let kind = body[index]
      let counts = Array(body[index + 1..<index + 17])
      let total = counts.reduce(0) { $0 + Int($1) }
      guard kind & 0xEF < 4, total <= 256, body.count - index - 17 >= total else {
        throw malformed(
          start, "Huffman table 0...3 of at most 256 symbols", "table \(kind), \(total) symbols")
      }
      let symbols = Array(body[index + 17..<index + 17 + total])
      let table = HuffmanTable(counts: counts, symbols: symbols).map(Definition.table) ?? .malformed
      if kind & 0x10 == 0 {
        dcTables[Int(kind & 15)] = table
      } else {
        acTables[Int(kind & 15)] = table
      }
      index += 17 + total
    }
  }
}
