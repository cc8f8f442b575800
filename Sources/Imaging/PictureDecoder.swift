import FixresBase

/// What a picture's header says, read without decoding.
public struct PictureHeader: Hashable, Sendable {
  public let format: PictureFormat
  /// Pixels, before any orientation is applied.
  public let width: Int
  /// Pixels, before any orientation is applied.
  public let height: Int
  /// EXIF orientation, 1...8; 1 where the file has none.
  public let orientation: Int
}

/// A picture with what its header says.
package struct DecodedPicture: Sendable {
  package let header: PictureHeader
  /// The pixels as they are stored, EXIF orientation not applied.
  package let picture: Picture
}

extension WorkTally.Kind {
  /// The header of a picture file was parsed.
  package static let pictureHeader = Self("picture header")
}

/// Bounds on what is decoded.
public struct DecodingLimits: Hashable, Sendable {
  /// Pixels that a header may declare (Pillow's bound by default).
  public var maximumPixels: Int

  public init(maximumPixels: Int = 89_478_485) { self.maximumPixels = maximumPixels }

  /// Throws where `width` x `height` is empty or beyond the bound.
  func check(width: Int, height: Int) throws(ImageError) {
    guard let pixels = Int.byteCount(width, height), pixels <= maximumPixels else {
      throw .tooManyPixels(width: width, height: height, limit: maximumPixels)
    }
  }
}

/// Pictures from bytes; the format is decided by the content.
public enum PictureDecoder {
  /// The size and orientation that the header declares; reads no pixel.
  public static func header(of bytes: Bytes) throws(ImageError) -> PictureHeader {
    switch try format(of: bytes) {
    case .jpeg: try JPEGDecoder.header(of: bytes)
    case .png: try PNGDecoder.header(of: bytes)
    case .netpbm: try NetpbmDecoder.header(of: bytes)
    }
  }

  /// The pixels as Pillow's `Image.open(...).convert("RGB")` gives them, EXIF orientation not applied.
  public static func decode(
    _ bytes: Bytes, limits: DecodingLimits = DecodingLimits()
  ) throws(ImageError) -> Picture {
    try read(bytes, limits: limits).picture
  }

  /// Header and pixels, the header parsed once.
  ///
  /// - Throws: What is wrong with the file, or `tooManyPixels` beyond `limits`.
  package static func read(
    _ bytes: Bytes, limits: DecodingLimits = DecodingLimits()
  ) throws(ImageError) -> DecodedPicture {
    switch try format(of: bytes) {
    case .jpeg: try JPEGDecoder.read(bytes, limits: limits)
    case .png: try PNGDecoder.read(bytes, limits: limits)
    case .netpbm: try NetpbmDecoder.read(bytes, limits: limits)
    }
  }

  /// The format by the first bytes.
  public static func format(of bytes: Bytes) throws(ImageError) -> PictureFormat {
    if bytes.starts(with: [0xFF, 0xD8, 0xFF]) { return .jpeg }
    if bytes.starts(with: PNGDecoder.signature) { return .png }
    if bytes.starts(with: Array("P5".utf8)) || bytes.starts(with: Array("P6".utf8)) { return .netpbm }
    let head = bytes.withUnsafeBytes { Array($0.prefix(16)) }
    if let name = otherFormat(head) { throw .otherFormat(name: name) }
    throw .unknownFormat(firstBytes: head)
  }

  private static let otherPrefixes: [(prefix: [UInt8], name: String)] = [
    (Array("GIF8".utf8), "GIF"), (Array("BM".utf8), "BMP"), ([0x49, 0x49, 0x2A, 0], "TIFF"),
    ([0x4D, 0x4D, 0, 0x2A], "TIFF"), ([0, 0, 0, 0x0C, 0x6A, 0x50], "JPEG 2000"),
    ([0xFF, 0x0A], "JPEG XL"), ([0, 0, 0, 0x0C, 0x4A, 0x58], "JPEG XL"),
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
