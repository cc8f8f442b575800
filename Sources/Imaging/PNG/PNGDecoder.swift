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

  /// What Pillow takes from the chunks on either side of the data.
  private struct Head {
    var header: Header?
    var palette: [UInt8]?
    var transparency: [UInt8]?
    var orientation = 1
    private var frames = PNGChunks.FrameCount()

    /// Whether a frame may follow the picture; where it begins Pillow stops reading.
    var isAnimated: Bool { frames.isAnimated }

    /// Takes what matters of `chunk`, which may stand anywhere before the data.
    mutating func read(_ chunk: PNGChunks.Chunk) throws(ImageError) {
      try check(chunk)
      switch chunk.name {
      case "IHDR": header = try readHeader(chunk)
      case "PLTE" where header?.color == .palette: palette = chunk.body.array
      case "tRNS": transparency = chunk.body.array
      default: break
      }
    }

    /// Checks `chunk`, which stands behind the data: the orientation counts there too, a header does not.
    mutating func readTail(_ chunk: PNGChunks.Chunk) throws(ImageError) {
      try check(chunk)
      guard chunk.name == "IHDR" else { return }
      let body = chunk.body.array
      guard body.count >= 13, body[11] == 0 else {
        throw .malformed(
          .png, offset: chunk.offset, expected: "IHDR of 13 bytes and filter category 0", found: "another")
      }
    }

    private mutating func check(_ chunk: PNGChunks.Chunk) throws(ImageError) {
      try chunk.checkLength(header?.color)
      try frames.check(chunk)
      if chunk.name == "eXIf" { orientation = ExifReader.orientation(in: chunk.body.array) }
    }
  }

  static func header(of bytes: Bytes) throws(ImageError) -> PictureHeader {
    try walk(bytes) { (_, _) throws(ImageError) in }.header
  }

  /// Decodes as Pillow: checksums count before the data only, and behind a complete picture anything may be missing.
  static func read(_ bytes: Bytes, limits: DecodingLimits) throws(ImageError) -> DecodedPicture {
    let (header, picture) = try walk(bytes) { (head, data) throws(ImageError) -> Picture in
      try limits.check(width: head.header.width, height: head.header.height)
      let pixels = PNGPixels(
        header: head.header, palette: head.palette, transparency: head.transparency,
        raw: try inflate(data, head.header), offset: data[0].offset)
      return try pixels.picture()
    }
    return DecodedPicture(header: header, picture: picture)
  }

  /// What the chunks before the data say of the pixels.
  private typealias Pixels = (header: Header, palette: [UInt8]?, transparency: [UInt8]?)

  /// The one way through all chunks, so that a header cannot differ from that of its pixels.
  private static func walk<Result>(
    _ bytes: Bytes, _ decode: (Pixels, _ data: [Bytes]) throws(ImageError) -> Result
  ) throws(ImageError) -> (header: PictureHeader, result: Result) {
    var chunks = PNGChunks(bytes)
    var head = Head()
    while try chunks.peekName() != "IDAT" {
      let chunk = try chunks.next(checksIntegrity: true)
      guard chunk.name != "IEND" else {
        throw .malformed(.png, offset: chunk.offset, expected: "an IDAT chunk", found: "IEND")
      }
      try head.read(chunk)
    }
    guard let header = head.header else {
      throw .malformed(
        .png, offset: min(signature.count, bytes.count), expected: "an IHDR chunk", found: "none")
    }
    let isAnimated = head.isAnimated
    let result = try decode((header, head.palette, head.transparency), try chunks.data())
    try chunks.skipTail { (chunk) throws(ImageError) in
      guard chunk.name != "fcTL" || !isAnimated else { return false }
      try head.readTail(chunk)
      return true
    }
    return (header.picture(head.orientation), result)
  }

  private static func readHeader(_ chunk: PNGChunks.Chunk) throws(ImageError) -> Header {
    WorkTally.record(.pictureHeader)
    let body = chunk.body.array
    guard body.count >= 13 else {
      throw .malformed(.png, offset: chunk.offset, expected: "IHDR of 13 bytes", found: "\(body.count)")
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
    guard body[11] == 0 else {
      throw .malformed(.png, offset: chunk.offset, expected: "filter 0", found: "\(body[11])")
    }
    return Header(
      width: width, height: height, depth: Int(body[8]), color: color, isInterlaced: body[12] != 0)
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
    let pieces = pieces(of: data)
    do throws(InflateError) {
      try source.withUnsafeBytes { (bytes) throws(InflateError) in
        try Inflater.inflate(bytes, pieces: pieces, into: raw.base, count: expected)
      }
    } catch {
      throw describe(error, data)
    }
    return raw
  }

  /// Ends of the pieces in which Pillow reads the joined chunks: each chunk, and 64 KB of it at most.
  private static func pieces(of data: [Bytes]) -> [Int] {
    var ends: [Int] = []
    var start = 0
    for part in data {
      ends += stride(from: 65536, to: part.count, by: 65536).map { start + $0 }
      start += part.count
      ends.append(start)
    }
    return ends
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
