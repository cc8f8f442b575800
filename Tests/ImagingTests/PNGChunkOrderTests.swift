import FixresBase
import FixresImaging
import TestSupport
import Testing

/// Where the orientation of a PNG may stand, and that header and pixels give the same one; expected is Pillow 13's
/// `getexif()` after `load()`.
@Suite struct PNGChunkOrderTests {
  private typealias Part = [UInt8]

  private static func big(_ value: Int) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
  }

  private static func chunk(_ name: String, _ body: [UInt8], declared: Int? = nil, sum: UInt32? = nil) -> Part
  {
    let named = Array(name.utf8) + body
    let checksum = sum ?? named.withUnsafeBytes { CRC32.checksum($0) }
    return big(declared ?? body.count) + named + big(Int(checksum))
  }

  private static func exif(_ orientation: UInt8, sum: UInt32? = nil) -> Part {
    let tiff: [UInt8] = [
      0x49, 0x49, 0x2A, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0, 0, 0, 0, 0,
    ]
    return chunk("eXIf", tiff, sum: sum)
  }

  private static func header(_ width: UInt8) -> Part {
    chunk("IHDR", [0, 0, 0, width, 0, 0, 0, 1, 8, 0, 0, 0, 0])
  }

  private static func frame(_ number: UInt8) -> Part {
    chunk("fcTL", big(Int(number)) + big(2) + big(1) + [UInt8](repeating: 0, count: 14))
  }

  /// One row of the two pixels 7 and 8, stored.
  private static let row: [UInt8] = [0x78, 1, 1, 3, 0, 0xFC, 0xFF, 0, 7, 8, 0, 0x19, 0, 0x10]
  private static let data = chunk("IDAT", row)
  private static let firstHalf = chunk("IDAT", Array(row.prefix(6)))
  private static let secondHalf = chunk("IDAT", Array(row.dropFirst(6)))
  private static let text = chunk("tEXt", [0x61, 0, 0x62])
  private static let badName = chunk("a-b!", [1, 2])
  private static let beyond = chunk("tEXt", [1, 2], declared: 5000)
  private static let end = chunk("IEND", [])

  struct Row: Sendable, CustomStringConvertible {
    let description: String
    let parts: [[UInt8]]
    /// nil where Pillow refuses the picture.
    let orientation: Int?

    init(_ description: String, _ parts: [[UInt8]], _ orientation: Int?) {
      (self.description, self.parts, self.orientation) = (description, parts, orientation)
    }
  }

  static let rows = [
    Row("before", [exif(6), data, end], 6),
    Row("behind", [data, exif(6), end], 6),
    Row("between halves", [firstHalf, exif(6), secondHalf, end], nil),
    Row("behind half", [firstHalf, exif(6), end], nil),
    Row("between data that are complete", [data, exif(6), data, end], 6),
    Row("behind more data", [data, text, data, exif(6), end], 6),
    Row("behind garbage data", [data, chunk("IDAT", [1, 2, 3]), exif(6), end], 6),
    Row("behind a bad name", [data, badName, exif(6), end], 1),
    Row("before a bad name and data", [data, exif(6), badName, data, end], 6),
    Row("before a chunk beyond the file", [data, exif(6), beyond], nil),
    Row("before a chunk beyond the file and data", [data, exif(6), beyond, data, end], nil),
    Row("behind a wrong checksum", [data, chunk("tEXt", [0x61, 0], sum: 1), exif(6), end], 6),
    Row("behind, with a wrong checksum", [data, exif(6, sum: 1), end], 6),
    Row("before, with a wrong checksum", [exif(6, sum: 1), data, end], nil),
    Row("twice before", [exif(6), exif(3), data, end], 3),
    Row("before and behind", [exif(6), data, exif(3), end], 3),
    Row("twice behind", [data, exif(6), exif(3), end], 3),
    Row("broken before, good behind", [chunk("eXIf", [1, 2, 3]), data, exif(3), end], 3),
    Row("good before, empty behind", [exif(6), data, chunk("eXIf", []), end], 1),
    Row("behind the end", [data, end, exif(6)], 1),
    Row("without an end", [data, exif(6)], 6),
    Row("cut", [data, Array(exif(6).dropLast(6))], nil),
    Row("cut in its checksum", [data, Array(exif(6).dropLast(2))], 6),
    Row("behind data that swallow it", [chunk("IDAT", row, declared: 5000), exif(6), end], 1),
    Row("behind another header", [data, header(9), exif(6), end], 6),
    Row("before a short chunk", [data, exif(6), chunk("gAMA", [1]), end], nil),
    Row("behind a frame that was not promised", [data, frame(0), exif(6), end], 6),
    Row("behind a frame out of order", [data, frame(1), exif(6), end], nil),
    Row(
      "behind the second frame",
      [chunk("acTL", big(2) + big(0)), frame(0), data, frame(1), exif(6), end], 1),
    Row(
      "before the second frame", [chunk("acTL", big(2) + big(0)), frame(0), data, exif(6), frame(1), end], 6),
    Row("behind the first frame of one", [chunk("acTL", big(1) + big(0)), data, frame(0), exif(6), end], 1),
  ]

  private static func file(_ row: Row) -> [UInt8] {
    [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A] + header(2) + row.parts.joined()
  }

  @Test("row 16: orientations wherever they stand", arguments: rows)
  func headerAndPixelsAgree(_ row: Row) throws {
    let bytes = Bytes(Self.file(row))
    guard let orientation = row.orientation else {
      #expect(throws: ImageError.self) { try PictureDecoder.decode(bytes) }
      return
    }
    let decoded = try PictureDecoder.read(bytes)
    #expect(decoded.picture.rgb == [7, 7, 7, 8, 8, 8])
    #expect(decoded.header.orientation == orientation)
    #expect(try PictureDecoder.header(of: bytes) == decoded.header)
  }
}
