import FixresBase

/// Decodes PNG (ISO/IEC 15948) as Pillow's `convert("RGBA")` does.
struct PNGDecoder {
  static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

  /// The image header, IHDR.
  struct Header {
    let width: Int
    let height: Int
    let depth: Int
    let color: ColorType
    let isInterlaced: Bool

    func picture(_ orientation: Int) -> PictureHeader {
      PictureHeader(format: .png, width: width, height: height, orientation: orientation)
    }

    var bitsPerPixel: Int { depth * color.channels }

    /// Bytes of a row of `width` pixels without its filter byte.
    func rowBytes(_ width: Int) -> Int { (width * bitsPerPixel + 7) / 8 }

    /// The whole picture as one pass, or the passes of Adam7 that are not empty.
    var passes: [PNGPass] {
      isInterlaced
        ? PNGPass.adam7(width: width, height: height)
        : [PNGPass(width: width, height: height, x: 0, y: 0, dx: 1, dy: 1)]
    }
  }

  enum ColorType: UInt8 {
    case grey = 0
    case rgb = 2
    case palette = 3
    case greyAlpha = 4
    case rgba = 6

    var channels: Int {
      switch self {
      case .grey, .palette: 1
      case .greyAlpha: 2
      case .rgb: 3
      case .rgba: 4
      }
    }

    var depths: [Int] {
      switch self {
      case .grey: [1, 2, 4, 8, 16]
      case .palette: [1, 2, 4, 8]
      case .rgb, .greyAlpha, .rgba: [8, 16]
      }
    }
  }

  static func header(of bytes: Bytes) throws(ImageError) -> PictureHeader {
    var chunks = PNGChunks(bytes)
    let header = try readHeader(try chunks.next(checksIntegrity: true))
    var orientation = 1
    while let chunk = try? chunks.next(checksIntegrity: false), chunk.name != "IEND" {
      if chunk.name == "eXIf" { orientation = ExifReader.orientation(in: chunk.body.array) }
    }
    return header.picture(orientation)
  }

  static func read(_ bytes: Bytes, limits: DecodingLimits) throws(ImageError) -> DecodedPicture {
    var chunks = PNGChunks(bytes)
    let header = try readHeader(try chunks.next(checksIntegrity: true))
    try limits.check(width: header.width, height: header.height)
    var palette: [UInt8]?
    var transparency: [UInt8]?
    var data: [Bytes] = []
    var isBehindData = false
    var orientation = 1
    while true {
      let chunk = try chunks.next(checksIntegrity: true)
      switch chunk.name {
      case "IDAT":
        guard !isBehindData else {
          throw .malformed(
            .png, offset: chunk.offset, expected: "IDAT chunks in a row", found: "another behind")
        }
        data.append(chunk.body)
        continue
      case "PLTE":
        guard chunk.body.count % 3 == 0, (3...768).contains(chunk.body.count), data.isEmpty else {
          throw .malformed(
            .png, offset: chunk.offset, expected: "a palette of 1 to 256 colours before the data",
            found: "\(chunk.body.count) bytes")
        }
        palette = chunk.body.array
      case "IEND":
        guard !data.isEmpty else {
          throw .malformed(.png, offset: chunk.offset, expected: "an IDAT chunk", found: "IEND")
        }
        let raw = try inflate(data, header)
        let pixels = PNGPixels(
          header: header, palette: palette, transparency: transparency, raw: raw, offset: data[0].offset)
        return DecodedPicture(header: header.picture(orientation), picture: try pixels.picture())
      default:
        if chunk.name == "eXIf" { orientation = ExifReader.orientation(in: chunk.body.array) }
        if chunk.name == "tRNS" { transparency = chunk.body.array }
        guard chunk.isAncillary else {
          throw .unsupported(.png, offset: chunk.offset, feature: "critical chunk \(chunk.name)")
        }
      }
      isBehindData = !data.isEmpty
    }
  }

  private static func readHeader(_ chunk: PNGChunks.Chunk) throws(ImageError) -> Header {
    WorkTally.record(.pictureHeader)
    let body = chunk.body.array
    guard chunk.name == "IHDR", body.count == 13 else {
      throw .malformed(
        .png, offset: chunk.offset, expected: "IHDR of 13 bytes", found: "\(chunk.name) of \(body.count)")
    }
    func number(_ at: Int) -> Int { body[at..<at + 4].reduce(0) { $0 << 8 | Int($1) } }
    let (width, height) = (number(0), number(4))
    guard (1...0x7FFF_FFFF).contains(width), (1...0x7FFF_FFFF).contains(height) else {
      throw .malformed(
        .png, offset: chunk.offset, expected: "a width and height of 1 to 2^31 - 1",
        found: "\(width)x\(height)")
    }
    guard let color = ColorType(rawValue: body[9]), color.depths.contains(Int(body[8])) else {
      throw .malformed(
        .png, offset: chunk.offset, expected: "a colour type with a depth that it may have",
        found: "type \(body[9]), depth \(body[8])")
    }
    guard body[10] == 0, body[11] == 0, body[12] <= 1 else {
      throw .malformed(
        .png, offset: chunk.offset, expected: "compression 0, filter 0, interlace 0 or 1",
        found: "\(body[10]), \(body[11]), \(body[12])")
    }
    return Header(
      width: width, height: height, depth: Int(body[8]), color: color, isInterlaced: body[12] == 1)
  }

  /// The filtered rows of all passes.
  private static func inflate(_ data: [Bytes], _ header: Header) throws(ImageError) -> PixelBuffer {
    let stored = data.reduce(0) { $0 + $1.count }
    let offset = data[0].offset
    var expected = 0
    for pass in header.passes {
      // At most 2^31 pixels a side and 8 bytes a pixel: no overflow.
      expected += (1 + header.rowBytes(pass.width)) * pass.height
    }
    guard expected / Inflater.maximumExpansion <= stored else {
      throw .truncated(
        .png, offset: offset, expected: expected / Inflater.maximumExpansion, found: stored)
    }
    let raw = try PixelBuffer(byteCount: expected)
    let source = data.count == 1 ? data[0] : Bytes(data.flatMap(\.array))
    do throws(InflateError) {
      try source.withUnsafeBytes { (bytes) throws(InflateError) in
        try Inflater.inflate(bytes, into: raw.base, count: expected)
      }
    } catch {
      throw describe(error, data)
    }
    return raw
  }

  /// `error` with its offset in the joined chunks converted to an offset in the file.
  private static func describe(_ error: InflateError, _ data: [Bytes]) -> ImageError {
    func fileOffset(_ position: Int) -> Int {
      var left = position
      for part in data {
        if left < part.count { return part.offset + left }
        left -= part.count
      }
      return data[data.count - 1].offset + data[data.count - 1].count
    }
    switch error {
    case .truncated(let offset):
      return .truncated(.png, offset: fileOffset(offset), expected: 1, found: 0)
    case .malformed(let offset, let expected, let found):
      return .malformed(.png, offset: fileOffset(offset), expected: expected, found: found)
    case .checksum(let expected, let found):
      return .checksum(.png, offset: data[0].offset, part: "zlib stream", expected: expected, found: found)
    }
  }
}
