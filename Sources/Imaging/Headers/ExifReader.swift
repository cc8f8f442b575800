/// Reads the orientation tag of EXIF data; no other field is needed.
enum ExifReader {
  private static let orientationTag = 0x0112

  /// The orientation, 1...8, in the first directory of a TIFF structure; 1 where it is missing or malformed.
  static func orientation(in tiff: [UInt8]) -> Int {
    guard tiff.count >= 8 else { return 1 }
    let isLittle: Bool
    switch (tiff[0], tiff[1]) {
    case (0x49, 0x49): isLittle = true
    case (0x4D, 0x4D): isLittle = false
    default: return 1
    }
    func number(_ offset: Int, _ byteCount: Int) -> Int? {
      guard offset >= 0, offset <= tiff.count - byteCount else { return nil }
      let part = tiff[offset..<offset + byteCount]
      return (isLittle ? Array(part.reversed()) : Array(part)).reduce(0) { $0 << 8 | Int($1) }
    }
    guard number(2, 2) == 42, let directory = number(4, 4), let count = number(directory, 2) else { return 1 }
    for index in 0..<count {
      let entry = directory + 2 + 12 * index
      guard let tag = number(entry, 2), let type = number(entry + 2, 2), let items = number(entry + 4, 4)
      else { return 1 }
      guard tag == orientationTag else { continue }
      // Type 3 is a 16-bit integer; a single one is stored in the first bytes of the value field.
      guard type == 3, items == 1, let value = number(entry + 8, 2), (1...8).contains(value) else { return 1 }
      return value
    }
    return 1
  }
}
