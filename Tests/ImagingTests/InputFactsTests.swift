import FixresBase
import FixresIR
import FixresImaging
import TestSupport
import Testing

@Suite struct InputFactsTests {
  /// Channels, their order and scale, the crop's rounding and exact resize sides, as Pillow and numpy compute them.
  @Test(arguments: Fixtures.inputs)
  func inputEqualsPillows(_ expected: Fixtures.InputCase) throws {
    let preprocessor = try Preprocessor(
      expected.description, size: Extent(square: expected.side))
    let picture = try preprocessor.picture(from: Fixtures.bytes(expected.source))
    let count = expected.side * expected.side * preprocessor.mode.channelCount
    let pixels = [UInt8](unsafeUninitializedCapacity: count) { target, initialized in
      if let base = target.baseAddress { picture.copy(preprocessor.mode, to: base) }
      initialized = count
    }
    #expect(preprocessor.mode.rawValue == expected.mode)
    #expect(Fixtures.crc(pixels) == expected.pixels, "\(expected)")
    #expect(Fixtures.crc(preprocessor.input(from: picture)) == expected.input, "\(expected)")
  }

  @Test func casesOfEveryModeAreThere() {
    #expect(Set(Fixtures.inputs.map(\.mode)) == ["L", "RGB", "RGBA"])
  }

  @Test func aStatedResizeSideIsExactAndScalesWithTheCrop() {
    var rule = Preprocessing.imageNet
    rule.cropRatio = .sides(crop: 224, resized: 232)
    #expect([224, 112, 225, 288, 384].map { rule.resizeSide(for: $0) } == [232, 116, 233, 298, 397])
    // As a share in floating point it would be one pixel less at some sizes.
    for side in 1...1024 { #expect(rule.resizeSide(for: side) == side * 232 / 224) }
  }

  @Test func theTestSizeHasItsOwnShare() {
    var rule = Preprocessing(cropShare: 0.95)
    rule.testCrop = .init(size: Extent(288, 320), share: 1)
    #expect(rule.resizeSides(for: Extent(288, 320)) == Extent(288, 320))
    #expect(rule.resizeSides(for: Extent(288, 288)) == Extent(303, 303))
    #expect(rule.resizeSides(for: Extent(224, 224)) == Extent(235, 235))
    rule.cropShare = 0.9
    #expect(rule.resizeSides(for: Extent(288, 320)) == Extent(320, 355))
  }

  @Test func picturesThatAreNotResizedMustFit() throws {
    let picture = try PictureDecoder.decode(Fixtures.bytes("pattern-50x37.ppm"))
    let exact = Preprocessing(resizeRule: .exact, cropShare: 1)
    #expect(try Preprocessor(exact, size: Extent(37, 50)).picture(from: picture).rgb == picture.rgb)
    let other = try Preprocessor(exact, size: Extent(37, 49))
    #expect(throws: ImageError.self) { try other.picture(from: picture) }
  }

  @Test func alphaSurvivesRecolouring() throws {
    let bytes = try Fixtures.bytes("color6-depth8.png")
    let picture = try PictureDecoder.read(bytes, mode: .rgba).picture
    let copy = try #require(picture.recolored(picture.rgb))
    let pixels = { (picture: Picture) in
      (0..<4 * picture.width * picture.height).map { picture.pixels.base[$0] }
    }
    #expect(pixels(copy) == pixels(picture))
    #expect(Set(pixels(picture).enumerated().filter { $0.offset % 4 == 3 }.map(\.element)).count > 2)
  }
}
