import FixresBase
import FixresImaging
import TestSupport
import Testing

@Suite struct DecodingTests {
  @Test func manifestIsThere() {
    #expect(Fixtures.pictures.count > 90)
    #expect(Fixtures.resizes.count == 60)
    #expect(Fixtures.preprocesses.count == 48)
  }

  @Test(arguments: Fixtures.pictures)
  func pixelsEqualPillows(_ expected: Fixtures.PictureCase) throws {
    let bytes = try Fixtures.bytes(expected.name)
    let picture = try PictureDecoder.decode(bytes)
    #expect(picture.width == expected.width && picture.height == expected.height)
    #expect(Fixtures.crc(picture.rgb) == expected.crc)
    let header = try PictureDecoder.header(of: bytes)
    #expect(header.width == expected.width && header.height == expected.height)
  }

  @Test func decodingTwiceGivesTheSameBytes() throws {
    let bytes = try Fixtures.bytes("pillow-rgb-420-baseline-q90.jpg")
    let first = try PictureDecoder.decode(bytes).rgb
    #expect(try PictureDecoder.decode(bytes).rgb == first)
  }

  @Test func sizesInTheHeaderAreBounded() throws {
    let bytes = try Fixtures.bytes("pattern-33x33.ppm")
    #expect(throws: ImageError.tooManyPixels(width: 33, height: 33, limit: 1088)) {
      try PictureDecoder.decode(bytes, limits: DecodingLimits(maximumPixels: 1088))
    }
    #expect(try PictureDecoder.decode(bytes, limits: DecodingLimits(maximumPixels: 1089)).width == 33)
  }

  @Test(arguments: ["exif-1.jpg": 1, "exif-6.jpg": 6, "exif-8.png": 8, "one-pixel-adam7.png": 1])
  func orientationIsRead(_ name: String, _ orientation: Int) throws {
    #expect(try PictureDecoder.header(of: Fixtures.bytes(name)).orientation == orientation)
  }

  /// 1 2 3 / 4 5 6 turned as each orientation asks, as `ImageOps.exif_transpose` does.
  @Test(arguments: [
    (1, 3, [1, 2, 3, 4, 5, 6]), (2, 3, [3, 2, 1, 6, 5, 4]), (3, 3, [6, 5, 4, 3, 2, 1]),
    (4, 3, [4, 5, 6, 1, 2, 3]), (5, 2, [1, 4, 2, 5, 3, 6]), (6, 2, [4, 1, 5, 2, 6, 3]),
    (7, 2, [6, 3, 5, 2, 4, 1]), (8, 2, [3, 6, 2, 5, 1, 4]),
  ])
  func orientationIsApplied(_ orientation: Int, _ width: Int, _ levels: [UInt8]) throws {
    let source = try #require(
      Picture(width: 3, height: 2, rgb: (1...6).flatMap { [UInt8($0), UInt8($0), UInt8($0)] }))
    let turned = try source.oriented(orientation)
    #expect(turned.width == width)
    #expect(turned.rgb == levels.flatMap { [$0, $0, $0] })
  }
}
