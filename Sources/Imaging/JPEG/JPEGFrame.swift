/// A colour component of a JPEG frame and the layout of its samples.
struct JPEGComponent {
  let identifier: UInt8
  /// Blocks of an MCU along each axis, 1...4.
  let horizontal: Int
  let vertical: Int
  let quantizationIndex: Int
  /// Size in samples inside the picture.
  let width: Int
  let height: Int
  /// Size in blocks inside the picture.
  let blockColumns: Int
  let blockRows: Int
  /// Size in blocks with those that complete the last MCUs.
  let paddedBlockColumns: Int
  let paddedBlockRows: Int
  /// `[64]` in natural order, wrapped to 16 bits; the table defined at the component's first scan.
  var quantization: [Int16] = []
  /// `[64]`: low bits of each coefficient that no scan has sent yet; -1: none is known.
  var unknownBits = [Int](repeating: -1, count: 64)
  /// `[10]`: `unknownBits` of the first coefficients before the component's last scan; -1 before its first.
  var earlierBits = [Int](repeating: -1, count: 10)

  /// Bytes from row to row of the sample plane.
  var stride: Int { paddedBlockColumns * 8 }
}

/// A frame header, SOF (T.81, B.2.2).
struct JPEGFrame {
  let width: Int
  let height: Int
  let isProgressive: Bool
  /// Byte offset of the marker.
  let offset: Int
  let maximumHorizontal: Int
  let maximumVertical: Int
  let mcuColumns: Int
  let mcuRows: Int
  var components: [JPEGComponent]

  struct Sampling {
    let identifier: UInt8
    let horizontal: Int
    let vertical: Int
    let quantizationIndex: Int
  }

  init(width: Int, height: Int, isProgressive: Bool, offset: Int, samplings: [Sampling]) {
    self.width = width
    self.height = height
    self.isProgressive = isProgressive
    self.offset = offset
    let mostH = samplings.reduce(1) { max($0, $1.horizontal) }
    let mostV = samplings.reduce(1) { max($0, $1.vertical) }
    maximumHorizontal = mostH
    maximumVertical = mostV
    let columns = (width + 8 * mostH - 1) / (8 * mostH)
    let rows = (height + 8 * mostV - 1) / (8 * mostV)
    mcuColumns = columns
    mcuRows = rows
    components = samplings.map { sampling in
      let (h, v) = (sampling.horizontal, sampling.vertical)
      return JPEGComponent(
        identifier: sampling.identifier, horizontal: h, vertical: v,
        quantizationIndex: sampling.quantizationIndex, width: (width * h + mostH - 1) / mostH,
        height: (height * v + mostV - 1) / mostV,
        blockColumns: (width * h + 8 * mostH - 1) / (8 * mostH),
        blockRows: (height * v + 8 * mostV - 1) / (8 * mostV), paddedBlockColumns: columns * h,
        paddedBlockRows: rows * v)
    }
  }

  /// Blocks of all components.
  var blockCount: Int { components.reduce(0) { $0 + $1.blockColumns * $1.blockRows } }
}

/// A scan header, SOS (T.81, B.2.3).
struct JPEGScan {
  struct Part {
    /// Index into the frame's components.
    let component: Int
    let dcTable: Int
    let acTable: Int
  }

  let parts: [Part]
  /// First and last zigzag index.
  let spectralStart: Int
  let spectralEnd: Int
  /// Low bits unknown before (0 in a first scan) and after this scan (successive approximation, Ah and Al).
  let approximationHigh: Int
  let approximationLow: Int
  /// Byte offset of the marker.
  let offset: Int
}

/// The zigzag order of coefficients (T.81, figure A.6).
enum Zigzag {
  /// Index in natural order, row by row, of each zigzag index; runs beyond the block end at its last coefficient, as in
  /// libjpeg.
  static let naturalOrder: [UInt8] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6,
    7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31,
    39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
    63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63,
  ]
}
