import FixresBase

/// Decodes binary PGM (P5) and PPM (P6) as Pillow does.
enum NetpbmDecoder {
  private struct Head {
    let channels: Int
    let width: Int
    let height: Int
    let maximum: Int
    /// First byte of the raster.
    let start: Int

    var picture: PictureHeader {
      PictureHeader(format: .netpbm, width: width, height: height, orientation: 1)
    }
  }

  static func header(of bytes: Bytes) throws(ImageError) -> PictureHeader {
    try parse(bytes).picture
  }

  static func read(_ bytes: Bytes, limits: DecodingLimits) throws(ImageError) -> DecodedPicture {
    let head = try parse(bytes)
    try limits.check(width: head.width, height: head.height)
    let sampleBytes = head.maximum < 256 ? 1 : 2
    guard let rasterBytes = Int.byteCount(head.width, head.height, head.channels, sampleBytes) else {
      throw .tooManyPixels(width: head.width, height: head.height, limit: limits.maximumPixels)
    }
    guard bytes.count - head.start >= rasterBytes else {
      throw .truncated(
        .netpbm, offset: head.start, expected: rasterBytes, found: bytes.count - head.start)
    }
    let picture = try Picture(uninitializedWidth: head.width, height: head.height)
    let levels = levelTable(head)
    bytes.withUnsafeBytes { all in
      let raster = UnsafeRawBufferPointer(rebasing: all[head.start..<head.start + rasterBytes])
      fill(picture, from: raster, channels: head.channels, sampleBytes: sampleBytes, levels: levels)
    }
    return DecodedPicture(header: head.picture, picture: picture)
  }

  /// The 8-bit level of every stored sample value, rounded half to even as Python's `round` does.
  ///
  /// Pillow scales grey above 8 bits to 0...65535 and then clips it to 255 on the way to RGB.
  private static func levelTable(_ head: Head) -> [UInt8] {
    let scale: Double = head.channels == 1 && head.maximum > 255 ? 65535 : 255
    return (0...(head.maximum < 256 ? 255 : 65535)).map { value in
      let level = (Double(value) / Double(head.maximum) * scale).rounded(.toNearestOrEven)
      return UInt8(min(level, 255))
    }
  }

  private static func fill(
    _ picture: Picture, from raster: UnsafeRawBufferPointer, channels: Int, sampleBytes: Int,
    levels: [UInt8]
  ) {
    let target = picture.pixels.base
    func level(_ sample: Int) -> UInt8 {
      sampleBytes == 1
        ? levels[Int(raster[sample])]
        : levels[Int(raster[2 * sample]) << 8 | Int(raster[2 * sample + 1])]
    }
    for pixel in 0..<picture.width * picture.height {
      let step = channels == 3 ? 1 : 0
      let first = pixel * channels
      target[4 * pixel] = level(first)
      target[4 * pixel + 1] = level(first + step)
      target[4 * pixel + 2] = level(first + 2 * step)
      target[4 * pixel + 3] = 255
    }
  }

  private static func parse(_ bytes: Bytes) throws(ImageError) -> Head {
    WorkTally.record(.pictureHeader)
    var cursor = 2
    let channels = bytes.starts(with: Array("P6".utf8)) ? 3 : 1
    guard bytes.count > 2 else {
      throw .truncated(.netpbm, offset: bytes.count, expected: 1, found: 0)
    }
    guard let next = try? bytes.byte(at: 2), isSpace(next) else {
      throw .malformed(.netpbm, offset: 2, expected: "white space after the magic number", found: "other")
    }
    let width = try number(bytes, &cursor, what: "width", range: 1...9_999_999_999)
    let height = try number(bytes, &cursor, what: "height", range: 1...9_999_999_999)
    let maximum = try number(bytes, &cursor, what: "maximum value", range: 1...65535)
    return Head(channels: channels, width: width, height: height, maximum: maximum, start: cursor)
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

  /// The next decimal number and the byte of white space after it; `#` starts a comment up to the end of the line.
  private static func number(
    _ bytes: Bytes, _ cursor: inout Int, what: String, range: ClosedRange<Int>
  ) throws(ImageError) -> Int {
    var value = 0
    var digits = 0
    let start = cursor
    while true {
      guard let byte = try? bytes.byte(at: cursor) else {
        throw .truncated(.netpbm, offset: cursor, expected: 1, found: 0)
      }
      cursor += 1
      if byte == UInt8(ascii: "#") {
        while let skipped = try? bytes.byte(at: cursor), skipped != 0x0A, skipped != 0x0D { cursor += 1 }
        cursor += 1
      } else if isSpace(byte) {
        if digits > 0 { break }
      } else {
        guard (0x30...0x39).contains(byte), digits < 10 else {
          throw .malformed(
            .netpbm, offset: cursor - 1, expected: "a decimal \(what) of at most 10 digits",
            found: "byte \(byte)")
        }
        value = value * 10 + Int(byte - 0x30)
        digits += 1
      }
    }
    guard range.contains(value) else {
      throw .malformed(
        .netpbm, offset: start, expected: "a \(what) of \(range.lowerBound) to \(range.upperBound)",
        found: "\(value)")
    }
    return value
  }
}
