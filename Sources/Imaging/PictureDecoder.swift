import FixresBase

/// Decodes picture files; the format is found from the first bytes, not from a name.
public enum PictureDecoder {
  /// The size and orientation that the header declares; no pixel is decoded.
  ///
  /// - Throws: `ImageError` for an unknown format or a malformed header.
  public static func header(of bytes: Bytes) throws(ImageError) -> PictureHeader {
    switch try format(of: bytes) {
    case .jpeg: try JPEGDecoder.header(of: bytes)
    case .png: try PNGDecoder.header(of: bytes)
    case .netpbm: try NetpbmDecoder.header(of: bytes)
    }
  }

  /// The pixels as Pillow's `Image.open(...).convert("RGB")` gives them, EXIF orientation not applied.
  ///
  /// - Throws: `ImageError`: an unknown or malformed file, `unsupported`, `tooManyPixels`, `outOfMemory`.
  public static func decode(
    _ bytes: Bytes, limits: DecodingLimits = DecodingLimits()
  ) throws(ImageError) -> Picture {
    try read(bytes, limits: limits).picture
  }

  /// Header and pixels in the channels of `mode`, the header parsed once.
  ///
  /// - Throws: What is wrong with the file, or `tooManyPixels` beyond `limits`.
  package static func read(
    _ bytes: Bytes, limits: DecodingLimits = DecodingLimits(), mode: ColorMode = .rgb
  ) throws(ImageError) -> DecodedPicture {
    let decoded =
      switch try format(of: bytes) {
      case .jpeg: try JPEGDecoder.read(bytes, limits: limits)
      case .png: try PNGDecoder.read(bytes, limits: limits)
      case .netpbm: try NetpbmDecoder.read(bytes, limits: limits)
      }
    guard mode == .grey else { return decoded }
    return DecodedPicture(header: decoded.header, picture: decoded.picture.grey())
  }

  /// The format that the first bytes identify.
  ///
  /// - Throws: `otherFormat` for a known format that cannot be decoded, else `unknownFormat`.
  public static func format(of bytes: Bytes) throws(ImageError) -> PictureFormat {
    if bytes.starts(with: [0xFF, 0xD8, 0xFF]) { return .jpeg }
    if bytes.starts(with: PNGDecoder.signature) { return .png }
    if bytes.starts(with: Array("P5".utf8)) || bytes.starts(with: Array("P6".utf8)) { return .netpbm }
    let head = bytes.withUnsafeBytes { Array($0.prefix(16)) }
    if let name = otherFormat(head) { throw .otherFormat(name: name) }
    throw .unknownFormat(firstBytes: head)
  }

  /// True where `name`, of `otherFormat`, is a format of pictures.
  static func isPicture(_ name: String) -> Bool {
    !["npy", "Git LFS pointer", "HTML", "XML", "PDF"].contains(name)
  }

  private static let otherPrefixes: [(prefix: [UInt8], name: String)] = [
    (Array("GIF8".utf8), "GIF"), (Array("BM".utf8), "BMP"), ([0x49, 0x49, 0x2A, 0], "TIFF"),
    ([0x4D, 0x4D, 0, 0x2A], "TIFF"), ([0, 0, 0, 0x0C, 0x6A, 0x50], "JPEG 2000"),
    ([0x49, 0x49, 0x2B, 0], "BigTIFF"), ([0x4D, 0x4D, 0, 0x2B], "BigTIFF"), ([0xFF, 0x0A], "JPEG XL"),
    ([0, 0, 0, 0x0C, 0x4A, 0x58], "JPEG XL"),
    ([0x93] + Array("NUMPY".utf8), "npy"),
    (Array("version https://".utf8), "Git LFS pointer"), (Array("<!DOCTYPE".utf8), "HTML"),
    (Array("<!doctype".utf8), "HTML"), (Array("<html".utf8), "HTML"), (Array("<HTML".utf8), "HTML"),
    (Array("<svg".utf8), "SVG"), (Array("<?xml".utf8), "XML"), (Array("%PDF".utf8), "PDF"),
    (Array("P1".utf8), "plain PBM (P1)"), (Array("P2".utf8), "plain PGM (P2)"),
    (Array("P3".utf8), "plain PPM (P3)"), (Array("P4".utf8), "PBM (P4)"), (Array("P7".utf8), "PAM (P7)"),
  ]

  private static func otherFormat(_ head: [UInt8]) -> String? {
    if head.count >= 12, head.starts(with: Array("RIFF".utf8)), head[8...].starts(with: Array("WEBP".utf8)) {
      return "WebP"
    }
    if head.count >= 8, head[4...].starts(with: Array("ftyp".utf8)) { return "HEIF or AVIF" }
    return otherPrefixes.first { head.starts(with: $0.prefix) }?.name
  }
}
