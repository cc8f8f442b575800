import FixresBase

/// JPEG.
enum JPEGDecoder {
  static func header(of bytes: Bytes) throws(ImageError) -> PictureHeader {
    throw .unsupported(.jpeg, offset: 0, feature: "JPEG")
  }
  static func decode(_ bytes: Bytes, limits: DecodingLimits) throws(ImageError) -> Picture {
    throw .unsupported(.jpeg, offset: 0, feature: "JPEG")
  }
}
