import FixresBase
import FixresImaging
import TestSupport
import Testing

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

@Suite struct HostilePictureTests {
  /// Small good files of each format and coding.
  static let seeds = [
    "pillow-rgb-420-baseline-q30.jpg", "pillow-rgb-422-progressive-q90.jpg", "pillow-l-444-baseline-q30.jpg",
    "pillow-cmyk-444-progressive-q30.jpg", "hand-scans-apart.jpg", "hand-no-tables.jpg", "exif-6.jpg",
    "color2-depth8-adam7.png", "color3-depth4.png", "color6-depth16-adam7.png", "color0-depth1.png",
    "exif-8.png", "p5-255.ppm", "p6-1000.ppm",
  ]

  /// Decodes in every way; what it gives is a picture or an `ImageError`, and nothing else.
  private func decode(_ bytes: [UInt8]) -> ImageError? {
    let bytes = Bytes(bytes)
    _ = try? PictureDecoder.header(of: bytes)
    do throws(ImageError) {
      let picture = try PictureDecoder.decode(bytes, limits: DecodingLimits(maximumPixels: 1 << 20))
      #expect(picture.width > 0 && picture.height > 0)
      return nil
    } catch {
      return error
    }
  }

  /// A prefix is refused, but for a PNG that lacks what stands behind its data.
  @Test("row 3 and 16: every prefix is refused", arguments: seeds)
  func everyPrefixIsRefused(_ name: String) throws {
    let whole = try Fixtures.bytes(name).array
    let pixels = try PictureDecoder.decode(Bytes(whole)).rgb
    let data = whole.indices.last { whole[$0...].starts(with: Array("IDAT".utf8)) } ?? whole.count
    for length in 0..<whole.count {
      do throws(ImageError) {
        let picture = try PictureDecoder.decode(Bytes(Array(whole.prefix(length))))
        #expect(length > data && picture.rgb == pixels, "\(name) cut to \(length) bytes")
      } catch {
        #expect(
          length < whole.count - 16 || !name.hasSuffix("png"), "\(name) cut to \(length) bytes: \(error)")
      }
    }
  }

  /// Damaged files: the bytes that Pillow decodes, or an error where Pillow has one.
  @Test("row 16: damage is decoded as pillow does", arguments: 0..<8)
  func damageIsDecodedAsPillowDoes(_ part: Int) throws {
    let cases = try #require(try JSON.parse(Fixtures.bytes("damages.json")).arrayValue)
    #expect(cases.count == 640)
    for index in stride(from: part, to: cases.count, by: 8) {
      let name = try #require(cases[index]["source"]?.stringValue)
      let at = try #require(cases[index]["at"]?.integerValue)
      var bytes = try Fixtures.bytes(name).array
      bytes.replaceSubrange(
        at..<min(at + (cases[index]["remove"]?.integerValue ?? 0), bytes.count),
        with: (cases[index]["insert"]?.arrayValue ?? []).compactMap { $0.integerValue.map { UInt8($0) } })
      let found = (try? PictureDecoder.decode(Bytes(bytes))).map { Int(Fixtures.crc($0.rgb)) }
      #expect(found == cases[index]["crc"]?.integerValue, "\(index): \(name) at \(at)")
    }
  }

  @Test("row 4 and 16: every flipped bit of a header is survived", arguments: seeds)
  func everyFlippedBitOfAHeaderIsSurvived(_ name: String) throws {
    let whole = try Fixtures.bytes(name).array
    for byte in 0..<min(whole.count, 700) {
      for bit in 0..<8 {
        var damaged = whole
        damaged[byte] ^= 1 << UInt8(bit)
        _ = decode(damaged)
      }
    }
  }

  /// `FIXRESC_FUZZ_CASES` sets the number of cases, `FIXRESC_FUZZ_SEED` the first seed.
  @Test("row 16: mutated pictures are survived") func mutatedPicturesAreSurvived() throws {
    func setting(_ name: String) -> Int? { getenv(name).flatMap { Int(String(cString: $0)) } }
    let cases = setting("FIXRESC_FUZZ_CASES") ?? 20_000
    let seed = UInt64(setting("FIXRESC_FUZZ_SEED") ?? 1)
    var random = SeededRandom(seed: seed)
    let originals = try Self.seeds.map { try Fixtures.bytes($0).array }
    var accepted = 0
    for _ in 0..<cases {
      var bytes = originals[random.nextInt(in: 0..<originals.count)]
      for _ in 0..<random.nextInt(in: 1..<5) { mutate(&bytes, &random) }
      if decode(bytes) == nil { accepted += 1 }
    }
    // Damage in entropy-coded data often passes unseen; damage everywhere else is found.
    #expect(accepted > cases / 100 && accepted < cases / 2, "seed \(seed): \(accepted) of \(cases) accepted")
  }

  private func mutate(_ bytes: inout [UInt8], _ random: inout SeededRandom) {
    guard !bytes.isEmpty else { return bytes = [0xFF] }
    let at = random.nextInt(in: 0..<bytes.count)
    let length = min(random.nextInt(in: 1..<20), bytes.count - at)
    switch random.nextInt(in: 0..<6) {
    case 0, 1: bytes[at] ^= 1 << UInt8(random.nextInt(in: 0..<8))
    case 2: bytes[at] = [0, 0xFF, 0x7F, 0x80, 0xD9][random.nextInt(in: 0..<5)]
    case 3: bytes.removeSubrange(at..<at + length)
    case 4: bytes.insert(contentsOf: Array(bytes[at..<at + length]), at: at)
    default: bytes.removeLast(bytes.count - at)
    }
  }

  /// The frame header of a JPEG with one of its bytes, counted from the marker, set to `value`.
  private func frame(_ name: String, _ index: Int, _ value: UInt8) throws -> [UInt8] {
    var bytes = try Fixtures.bytes(name).array
    let at = try #require(bytes.indices.first { bytes[$0] == 0xFF && bytes[$0 + 1] & 0xFE == 0xC0 })
    bytes[at + index] = value
    return bytes
  }

  @Test(arguments: [
    (1, UInt8(0xC9), "arithmetic coding"), (1, 0xC3, "lossless coding"), (4, 12, "12-bit samples"),
    (1, 0xC5, "hierarchical coding"),
  ])
  func otherCodingsAreNamed(_ index: Int, _ value: UInt8, _ feature: String) throws {
    let error = decode(try frame("pillow-rgb-420-baseline-q30.jpg", index, value))
    guard case .unsupported(.jpeg, _, let found) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(found == feature)
  }

  @Test("row 16: fractional sampling is named") func fractionalSamplingIsNamed() throws {
    // 3x2 beside 2x2 cannot be brought to one size by repeating samples.
    var bytes = try frame("pillow-rgb-420-baseline-q30.jpg", 11, 0x32)
    let at = try #require(bytes.indices.first { bytes[$0] == 0xFF && bytes[$0 + 1] == 0xC0 })
    bytes[at + 14] = 0x22
    guard case .unsupported(.jpeg, _, let feature) = decode(bytes) else {
      Issue.record("not refused")
      return
    }
    #expect(feature.contains("2x2 beside 3x2"))
  }

  @Test("row 16: huge sizes are refused before any allocation") func hugeSizesAreRefusedBeforeAnyAllocation()
    throws
  {
    var jpeg = try frame("pillow-rgb-420-baseline-q30.jpg", 5, 0xFF)
    let at = try #require(jpeg.indices.first { jpeg[$0] == 0xFF && jpeg[$0 + 1] == 0xC0 })
    for index in 6...8 { jpeg[at + index] = 0xFF }
    #expect(throws: ImageError.tooManyPixels(width: 65535, height: 65535, limit: 89_478_485)) {
      try PictureDecoder.decode(Bytes(Array(jpeg.prefix(at + 200))))
    }
    // 9000x9000 fits the bound, but not one bit a block is there.
    for (index, value) in zip(5...8, [0x23, 0x28, 0x23, 0x28] as [UInt8]) { jpeg[at + index] = value }
    guard case .truncated(.jpeg, _, let expected, let found)? = decodeWithDefaults(jpeg) else {
      Issue.record("not refused")
      return
    }
    #expect(expected > found)
    #expect(decodeWithDefaults(Array("P6 99999 99999 255 ".utf8)) != nil)
    #expect(decodeWithDefaults(Array("P6 9999 8000 255 ".utf8)) != nil)
  }

  private func decodeWithDefaults(_ bytes: [UInt8]) -> ImageError? {
    do throws(ImageError) {
      _ = try PictureDecoder.decode(Bytes(bytes))
      return nil
    } catch {
      return error
    }
  }

  /// A PNG with another width and height in its header, the checksum made anew.
  private func png(_ name: String, width: UInt32, height: UInt32) throws -> [UInt8] {
    var bytes = try Fixtures.bytes(name).array
    func put(_ value: UInt32, at offset: Int) {
      for index in 0..<4 {
        bytes[offset + index] = UInt8(truncatingIfNeeded: value >> UInt32(24 - 8 * index))
      }
    }
    put(width, at: 16)
    put(height, at: 20)
    put(Fixtures.crc(Array(bytes[12..<29])), at: 29)
    return bytes
  }

  @Test("row 16: png data must fill the declared size") func pngDataMustFillTheDeclaredSize() throws {
    let name = "color2-depth8.png"
    #expect(decodeWithDefaults(try png(name, width: 19, height: 15)) == nil)
    guard
      case .truncated(.png, _, let expected, let found)? =
        decodeWithDefaults(try png(name, width: 9400, height: 9400))
    else {
      Issue.record("a picture of 265 MB out of 1 kB is not refused")
      return
    }
    #expect(expected > found)
    // Data for more rows than the header declares are left, as Pillow does.
    let whole = try PictureDecoder.decode(Fixtures.bytes(name)).rgb
    let shorter = try PictureDecoder.decode(Bytes(png(name, width: 19, height: 14))).rgb
    #expect(shorter == Array(whole.prefix(19 * 14 * 3)))
    #expect(decodeWithDefaults(try png(name, width: 19, height: 16)) != nil)
    #expect(decodeWithDefaults(try png(name, width: 0, height: 15)) != nil)
    #expect(decodeWithDefaults(try png(name, width: 1 << 31, height: 1)) != nil)
  }

  private func png(_ chunks: [(name: String, body: [UInt8])]) -> [UInt8] {
    func big(_ value: UInt32) -> [UInt8] { withUnsafeBytes(of: value.bigEndian) { Array($0) } }
    return [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
      + chunks.flatMap { name, body in
        let named = Array(name.utf8) + body
        return big(UInt32(body.count)) + named + big(Fixtures.crc(named))
      }
  }

  private static let fourIndices: [UInt8] = [0, 0, 0, 4, 0, 0, 0, 1, 2, 3, 0, 0, 0]
  /// One row of the indices 0 to 3, two bits each, stored.
  private static let row: [UInt8] = [0x78, 1, 1, 2, 0, 0xFD, 0xFF, 0, 0x1B, 0, 29, 0, 28]

  /// Pillow's pixels: a palette that ends inside a colour has not got that colour.
  @Test(
    arguments: [
      (3, [10, 20, 30, 0, 0, 0, 0, 0, 0, 0, 0, 0]), (4, [10, 20, 30, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
      (5, [10, 20, 30, 0, 0, 0, 0, 0, 0, 0, 0, 0]), (7, [10, 20, 30, 40, 50, 60, 0, 0, 0, 0, 0, 0]),
    ] as [(Int, [UInt8])])
  func palettesMayEndInsideAColor(_ count: Int, _ expected: [UInt8]) throws {
    let file = png([
      ("IHDR", Self.fourIndices), ("PLTE", Array([10, 20, 30, 40, 50, 60, 70].prefix(count))),
      ("IDAT", Self.row),
      ("IEND", []),
    ])
    #expect(try PictureDecoder.decode(Bytes(file)).rgb == expected)
  }

  @Test func headersBehindTheDataDoNotCount() throws {
    var other = Self.fourIndices
    other[3] = 9
    let file = png([
      ("IHDR", Self.fourIndices), ("PLTE", [1, 2, 3]), ("IDAT", Self.row), ("IHDR", other), ("IEND", []),
    ])
    #expect(try PictureDecoder.header(of: Bytes(file)).width == 4)
    #expect(try PictureDecoder.decode(Bytes(file)).width == 4)
  }

  @Test("row 16: endless scans are refused") func endlessScansAreRefused() throws {
    let whole = try Fixtures.bytes("pillow-rgb-422-progressive-q90.jpg").array
    let first = try #require(whole.indices.dropLast().first { whole[$0] == 0xFF && whole[$0 + 1] == 0xDA })
    let second = try #require(
      whole.indices.dropFirst(first + 2).dropLast().first {
        whole[$0] == 0xFF && ![0, 0xD0, 0xD1].contains(whole[$0 + 1])
      })
    let scan = whole[first..<second]
    let many = whole[..<first] + Array(repeating: scan, count: 300).joined() + [0xFF, 0xD9]
    guard case .unsupported(.jpeg, _, let feature)? = decode(Array(many)) else {
      Issue.record("not refused")
      return
    }
    #expect(feature.contains("scans"))
  }

  @Test("row 16: damage is named where it lies") func damageIsNamedWhereItLies() throws {
    var png = try Fixtures.bytes("color2-depth8.png").array
    png[31] ^= 1
    guard case .checksum(.png, offset: 8, part: "chunk IHDR", _, _) = decode(png) else {
      Issue.record("\(String(describing: decode(png)))")
      return
    }
  }

  @Test(arguments: [
    (Array("<!DOCTYPE html>".utf8), "HTML"), (Array("version https://git-lfs".utf8), "Git LFS pointer"),
    (Array("GIF89a".utf8), "GIF"), (Array("RIFF1234WEBPVP8 ".utf8), "WebP"),
    (Array("P4 1 1 ".utf8), "PBM (P4)"),
  ])
  func otherFilesAreNamed(_ bytes: [UInt8], _ name: String) {
    #expect(decode(bytes) == .otherFormat(name: name))
  }

  @Test("row 2 and 16: unknown files show their first bytes") func unknownFilesShowTheirFirstBytes() {
    #expect(decode([1, 2, 3]) == .unknownFormat(firstBytes: [1, 2, 3]))
    #expect(decode([]) == .unknownFormat(firstBytes: []))
  }
}
