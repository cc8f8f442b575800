/// One colour component of a JPEG and where its samples lie.
struct JPEGComponent {
  let identifier: UInt8
  /// Blocks of an MCU along each axis, 1...4.
  let horizontal: Int
  let vertical: Int
  let quantizationIndex: Int
  /// Samples that the picture uses.
  let width: Int
  let height: Int
  /// Blocks that the picture uses.
  let blockColumns: Int
  let blockRows: Int
  /// Blocks including those that fill up the last MCUs.
  let paddedBlockColumns: Int
  let paddedBlockRows: Int
  /// `[64]` in natural order, wrapped to 16 bits; the table in force at the component's first scan.
  var quantization: [Int16] = []
  /// Bits of each coefficient not yet known after the scans so far; -1: nothing known.
  var unknownBits = [Int](repeating: -1, count: 64)

  /// Bytes from row to row of the sample plane.
  var stride: Int { paddedBlockColumns * 8 }
}

/// What SOF says.
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

/// What SOS says.
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
  /// Bits below the ones known before (0 in a first scan) and after this scan.
  let approximationHigh: Int
  let approximationLow: Int
  /// Byte offset of the marker.
  let offset: Int
}

/// Zigzag order.
enum Zigzag {
  /// Natural index of each zigzag index; 16 more entries catch runs beyond the block.
  static let naturalOrder: [UInt8] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6,
    7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31,
    39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
  ]
}
