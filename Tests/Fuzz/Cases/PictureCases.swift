import FixresBase
import FixresImaging

/// Pictures: every decoder with its header reader, and the EXIF data inside two containers.
enum PictureCases {
  /// Pixels of the largest picture that a case decodes: small, as memory of a case is bounded.
  private static let limits = DecodingLimits(maximumPixels: 1 << 20)

  static func formats() -> [FuzzFormat] {
    [
      FuzzFormat(
        "jpeg", seeds: Corpus.files(in: "imaging", suffix: ".jpg", atMost: 800), share: 80,
        mutate: JPEGCases.mutate, read: read),
      FuzzFormat(
        "png", seeds: Corpus.files(in: "imaging", suffix: ".png", atMost: 800), share: 80,
        generate: PNGCases.generate, mutate: PNGCases.mutate, repair: PNGCases.repair, read: read),
      FuzzFormat(
        "ppm", seeds: Corpus.files(in: "imaging", suffix: ".ppm", atMost: 400), generate: netpbm,
        mutate: {
          TextMutator(["P5", "P6", "P4", "#", " ", "\n", "# c\n", "255", "65535", "1"]).mutateHead(
            &$0, 24, &$1)
        },
        read: read),
      FuzzFormat(
        "exif", seeds: exifSeeds(), generate: exif, mutate: mutateExif, read: readExif),
    ]
  }

  private static func read(_ bytes: Bytes) -> FuzzFormat.Verdict {
    let header: PictureHeader?
    do { header = try PictureDecoder.header(of: bytes) } catch { header = nil }
    do {
      let decoded = try PictureDecoder.read(bytes, limits: limits, mode: .rgb)
      let picture = decoded.picture
      guard picture.width > 0, picture.height > 0, picture.rgb.count == picture.width * picture.height * 3
      else {
        return .wrong("\(picture.width)x\(picture.height) with \(picture.rgb.count) bytes")
      }
      guard let header, header == decoded.header else { return .wrong("a picture without its header") }
      return .accepted
    } catch {
      return .refused
    }
  }

  // MARK: PPM and PGM

  private static func netpbm(_ dice: inout Dice) -> [UInt8] {
    func space(_ dice: inout Dice) -> String {
      dice.pick([" ", "\n", "\t", " \n ", "# text\n", "\r\n", "#\n#", ""])
    }
    func side(_ dice: inout Dice) -> String {
      dice.once(in: 6) ? "\(dice.integer())" : "\(dice.below(12))"
    }
    let kind = dice.pick(["P5", "P6"])
    let maximum =
      dice.once(in: 8)
      ? "\(dice.integer())" : dice.pick(["1", "7", "255", "256", "1000", "65535", "65536", "0"])
    var text = kind + space(&dice) + " " + side(&dice) + " " + space(&dice) + side(&dice)
    text += space(&dice) + " " + maximum + dice.pick(["\n", " ", "", "\r"])
    return Array(text.utf8) + (0..<dice.below(300)).map { _ in UInt8(dice.below(256)) }
  }

  // MARK: EXIF

  /// A TIFF structure of chance: directories that point anywhere, themselves included.
  private static func exif(_ dice: inout Dice) -> [UInt8] {
    let isLittle = dice.once(in: 2)
    var tiff: [UInt8] = isLittle ? [0x49, 0x49, 0x2A, 0] : [0x4D, 0x4D, 0, 0x2A]
    func append(_ value: UInt64, _ width: Int) {
      if isLittle { tiff.appendLittle(value, width) } else { tiff.appendBig(value, width) }
    }
    append(dice.once(in: 4) ? dice.interesting(4) : 8, 4)
    let count = dice.below(6)
    append(dice.once(in: 6) ? dice.interesting(2) : UInt64(count), 2)
    for _ in 0..<count {
      append(dice.once(in: 3) ? 0x8769 : dice.once(in: 2) ? 0x0112 : dice.interesting(2), 2)
      append(UInt64(dice.once(in: 4) ? dice.below(300) : 3), 2)
      append(dice.once(in: 4) ? dice.interesting(4) : 1, 4)
      append(dice.once(in: 4) ? dice.interesting(4) : UInt64(dice.below(10)), dice.once(in: 2) ? 4 : 2)
      append(0, dice.once(in: 3) ? 0 : 2)
    }
    append(dice.once(in: 2) ? 8 : dice.interesting(4), 4)
    return tiff
  }

  private static func exifSeeds() -> [[UInt8]] {
    var dice = Dice(seed: 1)
    return (0..<20).map { _ in exif(&dice) }
  }

  private static func mutateExif(_ tiff: inout [UInt8], _ dice: inout Dice) {
    let width = dice.once(in: 2) ? 2 : 4
    let place = 2 * dice.below(max(tiff.count / 2, 1))
    let value = dice.once(in: 2) ? dice.interesting(width) : UInt64(dice.below(max(tiff.count, 1)))
    if dice.once(in: 2) {
      tiff.putLittle(value, at: place, width)
    } else {
      tiff.putBig(value, at: place, width)
    }
  }

  /// The TIFF data in a JPEG's APP1 and in a PNG's eXIf.
  private static func readExif(_ tiff: Bytes) -> FuzzFormat.Verdict {
    let fields = Array("Exif".utf8) + [0, 0] + tiff.array
    var jpeg: [UInt8] = [0xFF, 0xD8, 0xFF, 0xE1]
    jpeg.appendBig(UInt64(min(fields.count + 2, 65535)), 2)
    jpeg += fields + [0xFF, 0xC0, 0, 11, 8, 0, 8, 0, 8, 1, 1, 0x11, 0, 0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 63, 0]
    let header: [UInt8] = [0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0]
    let png = PNGCases.file([
      .init(type: Array("IHDR".utf8), data: header), .init(type: Array("eXIf".utf8), data: tiff.array),
      .init(type: Array("IDAT".utf8), data: [0x78, 0x9C, 1, 2, 0, 0xFD, 0xFF, 0, 7, 0, 8, 0, 8]),
      .init(type: Array("IEND".utf8), data: []),
    ])
    var orientations: [Int] = []
    for file in [jpeg, png] {
      do { orientations.append(try PictureDecoder.header(of: Bytes(file)).orientation) } catch { continue }
    }
    guard orientations.allSatisfy({ (1...8).contains($0) }) else {
      return .wrong("orientations \(orientations)")
    }
    return orientations == [1, 1] ? .refused : .accepted
  }
}

extension TextMutator {
  /// As `mutate`, on the first `count` bytes alone.
  func mutateHead(_ file: inout [UInt8], _ count: Int, _ dice: inout Dice) {
    var head = Array(file.prefix(count))
    let rest = Array(file.dropFirst(count))
    mutate(&head, &dice)
    file = head + rest
  }
}
