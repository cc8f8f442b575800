import FixresBase

/// What the header of a picture file declares, read without decoding pixels.
public struct PictureHeader: Hashable, Sendable {
  /// The file's format, found from its first bytes.
  public let format: PictureFormat
  /// Width in pixels as stored, before the EXIF orientation is applied.
  public let width: Int
  /// Height in pixels as stored, before the EXIF orientation is applied.
  public let height: Int
  /// EXIF orientation, 1...8; 1 where the file has none.
  public let orientation: Int
}

/// A picture with its header.
package struct DecodedPicture: Sendable {
  package let header: PictureHeader
  /// The pixels as stored, EXIF orientation not applied.
  package let picture: Picture
}

extension WorkTally.Kind {
  /// The header of a picture file was parsed.
  package static let pictureHeader = Self("picture header")
}

/// Limits of decoding, checked against the header before pixels are allocated.
public struct DecodingLimits: Hashable, Sendable {
  /// Largest `width * height` accepted; by default Pillow's `Image.MAX_IMAGE_PIXELS`.
  public var maximumPixels: Int

  /// Limits of `maximumPixels` pixels.
  public init(maximumPixels: Int = 89_478_485) { self.maximumPixels = maximumPixels }

  /// - Throws: `tooManyPixels` where `width * height` exceeds the limit.
  func check(width: Int, height: Int) throws(ImageError) {
    guard let pixels = Int.byteCount(width, height), pixels <= maximumPixels else {
      throw .tooManyPixels(width: width, height: height, limit: maximumPixels)
    }
  }
}
