import FixresBase

enum PNGDecoder {
  static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
  static func header(of bytes: Bytes) throws(ImageError) -> PictureHeader {
    throw .unsupported(.png, offset: 0, feature: "PNG")
  }
  static func decode(_ bytes: Bytes, limits: DecodingLimits) throws(ImageError) -> Picture {
    throw .unsupported(.png, offset: 0, feature: "PNG")
  }
}
