/// Estimates the first AC coefficients of a progressive picture that lacks scans from the DC coefficients around a block
/// (T.81, K.8), as libjpeg-turbo does (`jdcoefct.c`, `decompress_smooth_data`).
///
/// ```
/// DC of 5 x 5 blocks    weights  0 in the centre row: a block is predicted from its neighbours, in units of 1/256
///  p0  p1  p2  p3  p4            pred = Q00 (sum of weights x DC) / (256 Q), rounded half away from zero
///  ...                           |pred| < 2^Al where Al low bits are unknown
/// p20 p21 p22 p23 p24
/// ```
/// Where not one of the nine coefficients was sent, they and the DC coefficient are estimated from all 25 blocks; else the
/// first five from a cross or the inner neighbours.
struct BlockSmoothing {
  /// Zigzag indices 1...9 in natural order.
  private static let positions = [1, 8, 16, 9, 2, 3, 10, 17, 24]

  /// `[9][25]`: weights where no coefficient was sent.
  private static let wide: [[Int]] = [
    [-1, -1, 0, 1, 1, -3, 13, 0, -13, 3, -3, 38, 0, -38, 3, -3, 13, 0, -13, 3, -1, -1, 0, 1, 1],
    [-1, -3, -3, -3, -1, -1, 13, 38, 13, -1, 0, 0, 0, 0, 0, 1, -13, -38, -13, 1, 1, 3, 3, 3, 1],
    [0, 0, 1, 0, 0, 0, 2, 7, 2, 0, 0, -5, -14, -5, 0, 0, 2, 7, 2, 0, 0, 0, 1, 0, 0],
    [-1, 0, 0, 0, 1, 0, 9, 0, -9, 0, 0, 0, 0, 0, 0, 0, -9, 0, 9, 0, 1, 0, 0, 0, -1],
    [0, 0, 0, 0, 0, 0, 2, -5, 2, 0, 1, 7, -14, 7, 1, 0, 2, -5, 2, 0, 0, 0, 0, 0, 0],
    [0, 0, 0, 0, 0, 0, 1, 0, -1, 0, 0, 2, 0, -2, 0, 0, 1, 0, -1, 0, 0, 0, 0, 0, 0],
    [0, 0, 0, 0, 0, 0, 1, -3, 1, 0, 0, 0, 0, 0, 0, 0, -1, 3, -1, 0, 0, 0, 0, 0, 0],
    [0, 0, 0, 0, 0, 0, 1, 0, -1, 0, 0, -3, 0, 3, 0, 0, 1, 0, -1, 0, 0, 0, 0, 0, 0],
    [0, 0, 0, 0, 0, 0, 1, 2, 1, 0, 0, 0, 0, 0, 0, 0, -1, -2, -1, 0, 0, 0, 0, 0, 0],
  ]

  /// `[25]`: weights of the DC coefficient itself where no other one was sent.
  private static let wideDC = [
    -2, -6, -8, -6, -2, -6, 6, 42, 6, -6, -8, 42, 152, 42, -8, -6, 6, 42, 6, -6, -2, -6, -8, -6, -2,
  ]

  /// `[5][25]`: weights where some coefficient was sent.
  private static let narrow: [[Int]] = [
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -7, 50, 0, -50, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    [0, 0, -7, 0, 0, 0, 0, 50, 0, 0, 0, 0, 0, 0, 0, 0, 0, -50, 0, 0, 0, 0, 7, 0, 0],
    [0, 0, -1, 0, 0, 0, 0, 13, 0, 0, 0, 0, -24, 0, 0, 0, 0, 13, 0, 0, 0, 0, -1, 0, 0],
    [0, -1, 0, 1, 0, -1, 10, 0, -10, 1, 0, 0, 0, 0, 0, 1, -10, 0, 10, -1, 0, 1, 0, -1, 0],
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1, 13, -24, 13, -1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
  ]

  private let component: JPEGComponent
  private let mcuRows: Int
  /// Last row of MCUs whose data the last scan had; beyond it the bits before that scan count.
  private let lastGoodRow: Int
  private let quantizers: [Int]

  /// Smoothing of `component`; nil where libjpeg would divide by 0.
  init?(_ component: JPEGComponent, mcuRows: Int, lastGoodRow: Int) {
    guard component.quantization.count == 64, component.unknownBits[0] >= 0 else { return nil }
    quantizers = ([0] + Self.positions).map { Int(UInt16(bitPattern: component.quantization[$0])) }
    guard !quantizers.contains(0) else { return nil }
    (self.component, self.mcuRows, self.lastGoodRow) = (component, mcuRows, lastGoodRow)
  }

  /// True where one of the coefficients 1...9 is not fully known.
  var isUseful: Bool { component.unknownBits[1..<10].contains { $0 != 0 } }

  /// Transforms all blocks of the component with their estimates.
  func transform(from coefficients: UnsafePointer<Int16>, to plane: UnsafeMutablePointer<UInt8>) {
    let v = component.vertical
    for mcuRow in 0..<mcuRows {
      let bits = mcuRow > lastGoodRow ? component.earlierBits : Array(component.unknownBits[0..<10])
      // The last row of MCUs may hold fewer rows of blocks; libjpeg counts rows with that number there.
      let left = component.blockRows % v
      let blockRows = mcuRow < mcuRows - 1 || left == 0 ? v : left
      for y in 0..<blockRows {
        let counted = (row: mcuRow * blockRows + y, of: blockRows * mcuRows)
        let row = mcuRow * v + y
        let above = counted.row > 0 ? row - 1 : row
        let below = counted.row < counted.of - 1 ? row + 1 : row
        let rows = [
          counted.row > 1 ? row - 2 : above, above, row, below,
          counted.row < counted.of - 2 ? row + 2 : below,
        ]
        transform(row, neighbours: rows, bits: bits, from: coefficients, to: plane)
      }
    }
  }

  private func transform(
    _ row: Int, neighbours: [Int], bits: [Int], from coefficients: UnsafePointer<Int16>,
    to plane: UnsafeMutablePointer<UInt8>
  ) {
    let changesDC = bits[1..<10].allSatisfy { $0 == -1 }
    let lastColumn = component.blockColumns - 1
    var dc = [Int](repeating: 0, count: 25)
    withUnsafeTemporaryAllocation(of: Int16.self, capacity: 64) { scratch in
      guard let block = scratch.baseAddress else { return }
      for column in 0...lastColumn {
        let source = coefficients + (row * component.paddedBlockColumns + column) * 64
        block.update(from: source, count: 64)
        for (y, neighbour) in neighbours.enumerated() {
          for x in 0..<5 {
            let at = min(max(column + x - 2, 0), lastColumn)
            dc[5 * y + x] = Int(coefficients[(neighbour * component.paddedBlockColumns + at) * 64])
          }
        }
        estimate(block, dc, bits, changesDC: changesDC)
        component.quantization.withUnsafeBufferPointer { table in
          InverseDCT.transform(
            block, quantization: table.baseAddress!, last: InverseDCT.lastIndex(of: block),
            to: plane + row * 8 * component.stride + column * 8, stride: component.stride)
        }
      }
    }
  }

  private func estimate(
    _ block: UnsafeMutablePointer<Int16>, _ dc: [Int], _ bits: [Int], changesDC: Bool
  ) {
    func sum(_ weights: [Int]) -> Int {
      var sum = 0
      for index in 0..<25 { sum += weights[index] * dc[index] }
      return quantizers[0] * sum
    }
    let tables = changesDC ? Self.wide : Self.narrow
    for (index, weights) in tables.enumerated() {
      let position = Self.positions[index]
      guard bits[index + 1] != 0, block[position] == 0 else { continue }
      block[position] = Int16(
        truncatingIfNeeded: Self.quotient(sum(weights), quantizers[index + 1], unknownBits: bits[index + 1]))
    }
    if changesDC {
      block[0] = Int16(truncatingIfNeeded: Self.quotient(sum(Self.wideDC), quantizers[0], unknownBits: 0))
    }
  }

  /// `number / (256 quantizer)` rounded half away from zero; of magnitude below `2^unknownBits` where some are known.
  private static func quotient(_ number: Int, _ quantizer: Int, unknownBits: Int) -> Int {
    let magnitude = (quantizer << 7 + abs(number)) / (quantizer << 8)
    let bounded = unknownBits > 0 ? min(magnitude, 1 << unknownBits - 1) : magnitude
    return number < 0 ? -bounded : bounded
  }
}
