import FixresBase
import FixresIR
import FixresImaging
import TestSupport
import Testing

@Suite struct ResizeTests {
  @Test(arguments: Fixtures.resizes)
  func bytesEqualPillows(_ expected: Fixtures.ResizeCase) throws {
    let picture = try PictureDecoder.decode(Fixtures.bytes(expected.source))
    let filter = try #require(Preprocessing.Interpolation(rawValue: expected.filter))
    let resized = try picture.resized(
      to: Extent(expected.height, expected.width), interpolation: filter)
    #expect(resized.width == expected.width && resized.height == expected.height)
    #expect(Fixtures.crc(resized.rgb) == expected.crc, "\(expected)")
  }

  @Test(arguments: Fixtures.preprocesses)
  func inputEqualsTorchvisions(_ expected: Fixtures.PreprocessCase) throws {
    let description = Preprocessing(
      resizeRule: try #require(.init(rawValue: expected.rule)),
      interpolation: try #require(.init(rawValue: expected.filter)), cropShare: expected.share)
    let preprocessor = try Preprocessor(description, size: Extent(expected.side, expected.side))
    let picture = try preprocessor.picture(from: Fixtures.bytes(expected.source))
    #expect(picture.width == expected.side && picture.height == expected.side)
    #expect(Fixtures.crc(picture.rgb) == expected.pixels, "\(expected)")
    #expect(Fixtures.crc(preprocessor.input(from: picture)) == expected.input, "\(expected)")
  }

  /// K and K_img of method.md G, and where the crop starts, seen from the picture that a wedge becomes.
  @Test(arguments: [
    (32, 36), (40, 45), (64, 73), (96, 109), (112, 128), (128, 146), (160, 182), (176, 201), (192, 219),
    (224, 256), (256, 292), (288, 329), (320, 365), (331, 378), (352, 402), (384, 438), (448, 512),
    (480, 548), (600, 685),
  ])
  func resizeSideFollowsTheRule(_ side: Int, _ resized: Int) {
    #expect(Preprocessing.imageNet.resizeSide(for: side) == resized)
  }

  @Test func cropStartsAtTheHalfRoundedToEven() throws {
    // 9 columns of which 4 are kept: (9 - 4) / 2 = 2.5 becomes 2; 11: 3.5 becomes 4.
    for (width, start) in [(9, 2), (11, 4)] {
      let levels = (0..<4).flatMap { _ in (0..<width).flatMap { [UInt8($0), UInt8($0), UInt8($0)] } }
      let wedge = try #require(Picture(width: width, height: 4, rgb: levels))
      let preprocessor = try Preprocessor(Preprocessing(cropShare: 1), size: Extent(4, 4))
      #expect(try preprocessor.picture(from: wedge).rgb[0] == UInt8(start))
    }
  }

  @Test func largeInputsAreSquashedWhereTheModelSaysSo() throws {
    let picture = try PictureDecoder.decode(Fixtures.bytes("pattern-50x37.ppm"))
    let squashing = Preprocessing(squashFrom: 40)
    let squashed = try Preprocessor(squashing, size: Extent(40, 40)).picture(from: picture)
    #expect(squashed.rgb == (try picture.resized(to: Extent(40, 40)).rgb))
    let cropped = try Preprocessor(squashing, size: Extent(39, 39)).picture(from: picture)
    #expect(cropped.rgb == (try Preprocessor(.imageNet, size: Extent(39, 39)).picture(from: picture).rgb))
  }

  @Test func oblongInputsCoverBothSides() throws {
    let picture = try PictureDecoder.decode(Fixtures.bytes("pattern-64x64.ppm"))
    let input = try Preprocessor(.imageNet, size: Extent(32, 16)).picture(from: picture)
    #expect(input.width == 16 && input.height == 32)
    // K_img 36 x 18: the height decides, so the centre of the square at 36 is shown.
    let whole = try picture.resized(to: Extent(36, 36)).rgb
    #expect(Array(input.rgb.prefix(3)) == Array(whole[(2 * 36 + 10) * 3..<(2 * 36 + 10) * 3 + 3]))
  }

  @Test func impossibleDescriptionsAreRefused() {
    let broken = [
      Preprocessing(cropShare: 0), Preprocessing(cropShare: .nan), Preprocessing(cropShare: 1.5),
      Preprocessing(mean: [0, 0]), Preprocessing(standardDeviation: [1, 0, 1]),
      Preprocessing(mean: [0, .infinity, 0]),
    ]
    for description in broken {
      #expect(throws: ImageError.self) { try Preprocessor(description, size: Extent(8, 8)) }
    }
    for size in [Extent(0, 8), Extent(8, -1), Extent(Int.max, 8)] {
      #expect(throws: ImageError.self) { try Preprocessor(.imageNet, size: size) }
    }
  }

  @Test func slimPicturesEndInPixelsOrAnError() throws {
    let column = try #require(
      Picture(width: 1, height: 5000, rgb: [UInt8](repeating: 9, count: 15000)))
    for rule in Preprocessing.ResizeRule.allCases {
      for filter in Preprocessing.Interpolation.allCases {
        let description = Preprocessing(resizeRule: rule, interpolation: filter)
        do throws(ImageError) {
          let result = try Preprocessor(description, size: Extent(16, 16)).picture(from: column)
          #expect(result.width == 16 && result.height == 16)
        } catch {
          guard case .preprocessing = error else { throw error }
        }
      }
    }
  }
}
