import FixresBase

extension JPEGDecoder {
  /// A component's tables and outputs, as the inner loop uses them.
  private struct Target {
    let dc: HuffmanPointer
    let ac: HuffmanPointer
    let quantization: UnsafePointer<Int16>
    /// The component's samples, written where one scan holds all components.
    let samples: UnsafeMutablePointer<UInt8>
    let stride: Int
    /// The component's coefficients `[rows, columns, 64]`; nil where one scan holds all components.
    let coefficients: UnsafeMutablePointer<Int16>?
    let columns: Int
    /// Blocks of an MCU along each axis.
    let horizontal: Int
    let vertical: Int
    /// DC coefficient of the block before.
    var prediction: Int32 = 0
  }

  /// Decodes a scan of baseline or extended sequential coding.
  mutating func readSequential(_ scan: JPEGScan) throws(ImageError) {
    let isInterleaved = scan.parts.count > 1
    let first = frame.components[scan.parts[0].component]
    let columns = isInterleaved ? frame.mcuColumns : first.blockColumns
    let rows = isInterleaved ? frame.mcuRows : first.blockRows
    // `markers` keeps the tables alive and does not change during the scan.
    var targets: [Target] = []
    let quantization = UnsafeMutablePointer<Int16>.allocate(capacity: 64 * 4)
    defer { quantization.deallocate() }
    for (index, part) in scan.parts.enumerated() {
      let component = frame.components[part.component]
      (quantization + 64 * index).initialize(from: component.quantization, count: 64)
      targets.append(
        Target(
          dc: try dcTable(part.dcTable, of: scan), ac: try acTable(part.acTable, of: scan),
          quantization: UnsafePointer(quantization + 64 * index), samples: planes[part.component].base,
          stride: component.stride,
          coefficients: coefficients.isEmpty
            ? nil
            : UnsafeMutableRawPointer(coefficients[part.component].base).assumingMemoryBound(to: Int16.self),
          columns: component.paddedBlockColumns, horizontal: isInterleaved ? component.horizontal : 1,
          vertical: isInterleaved ? component.vertical : 1))
    }
    var reader = self.reader()
    var untilRestart = markers.restartInterval
    var restarts = 0
    // True behind the end of the segment's data: blocks stay zero.
    var isExhausted = false
    for row in 0..<rows {
      var column = 0
      while column < columns {
        if markers.restartInterval > 0, untilRestart == 0 {
          if try restart(&reader, index: restarts) { isExhausted = false }
          restarts += 1
          untilRestart = markers.restartInterval
          for index in targets.indices { targets[index].prediction = 0 }
        }
        let run = markers.restartInterval > 0 ? min(untilRestart, columns - column) : columns - column
        let end = column + run
        let decoded =
          isExhausted ? column : Self.decode(&reader, &targets, row: row, columns: column..<end)
        if decoded < end || reader.isOverrun { isExhausted = true }
        if decoded < end { Self.fill(targets, row: row, columns: decoded..<end) }
        column = end
        untilRestart -= run
      }
    }
    // libjpeg waits for more data where the file ends before a marker does.
    if reader.isAtEnd { throw .truncated(.jpeg, offset: position(of: reader), expected: 1, found: 0) }
    try refuseFilledBytes(reader, blocksInMCU: targets.reduce(0) { $0 + $1.horizontal * $1.vertical })
    markers.position = position(of: reader)
  }

  /// Refuses several 0xFF before a stuffed 0 where libjpeg-turbo's faster loop, which it takes far from the end of the data,
  /// leaves coefficients of a first attempt behind.
  private func refuseFilledBytes(_ reader: JPEGBitReader, blocksInMCU: Int) throws(ImageError) {
    guard let byte = reader.filledByte, markers.restartInterval == 0 else { return }
    let offset = byte - markers.bytes.unsafeBase.assumingMemoryBound(to: UInt8.self)
    guard markers.bytes.count - offset >= 512 * blocksInMCU else { return }
    throw .unsupported(.jpeg, offset: offset, feature: "fill bytes inside entropy-coded data")
  }

  /// Grey samples for MCUs of which nothing is known: blocks of zeros.
  private static func fill(_ targets: [Target], row: Int, columns: Range<Int>) {
    for target in targets where target.coefficients == nil {
      for y in 0..<target.vertical * 8 {
        let start =
          (row * target.vertical * 8 + y) * target.stride + columns.lowerBound * target.horizontal * 8
        (target.samples + start).update(repeating: 128, count: columns.count * target.horizontal * 8)
      }
    }
  }

  /// Decodes MCUs of one row; gives the column behind the last one that had data.
  private static func decode(
    _ reader: inout JPEGBitReader, _ targets: inout [Target], row: Int, columns: Range<Int>
  ) -> Int {
    withUnsafeTemporaryAllocation(of: Words.self, capacity: 8) { scratch in
      guard let start = scratch.baseAddress else { return columns.lowerBound }
      let block = UnsafeMutableRawPointer(start).bindMemory(to: Int16.self, capacity: 64)
      return Zigzag.naturalOrder.withUnsafeBufferPointer { order in
        targets.withUnsafeMutableBufferPointer { targets in
          var bits = reader
          defer { reader = bits }
          for column in columns {
            for index in 0..<targets.count {
              decodeMCU(&bits, &targets[index], row: row, column: column, block, order: order.baseAddress!)
            }
            // The MCU in which the data ends is completed with zero bits.
            if bits.isOverrun { return column + 1 }
          }
          return columns.upperBound
        }
      }
    }
  }

  /// The blocks of one component in one MCU.
  @inline(__always) private static func decodeMCU(
    _ reader: inout JPEGBitReader, _ target: inout Target, row: Int, column: Int,
    _ block: UnsafeMutablePointer<Int16>, order: UnsafePointer<UInt8>
  ) {
    for y in 0..<target.vertical {
      for x in 0..<target.horizontal {
        let blockRow = row &* target.vertical &+ y
        let blockColumn = column &* target.horizontal &+ x
        if let coefficients = target.coefficients {
          // A second scan of a component writes over the first, as in libjpeg.
          let stored = coefficients + (blockRow &* target.columns &+ blockColumn) &* 64
          _ = decodeBlock(&reader, &target, stored, order: order)
        } else {
          clear(block)
          let last = decodeBlock(&reader, &target, block, order: order)
          InverseDCT.transform(
            block, quantization: target.quantization, last: last,
            to: target.samples + (blockRow &* 8 &* target.stride &+ blockColumn &* 8), stride: target.stride)
        }
      }
    }
  }

  @inline(__always) private static func clear(_ block: UnsafeMutablePointer<Int16>) {
    let address = UnsafeMutableRawPointer(block)
    for row in 0..<8 { address.storeBytes(of: Words.zero, toByteOffset: 16 &* row, as: Words.self) }
  }

  /// Decodes a block's coefficients into natural order (T.81, F.2.2); gives the zigzag index of the last nonzero one.
  ///
  /// Bits that are no code are a difference of 0 or end the block, and a run beyond the block ends at its last coefficient, as
  /// in libjpeg.
  @inline(__always) private static func decodeBlock(
    _ reader: inout JPEGBitReader, _ target: inout Target, _ block: UnsafeMutablePointer<Int16>,
    order: UnsafePointer<UInt8>
  ) -> Int {
    reader.refillIfBelow(32)
    let category = reader.entry(target.dc)
    var difference = Int32(bitPattern: category) >> 16
    let size = Int(category >> 12 & 15)
    if size > 0 { difference = reader.takeSigned(size) }
    target.prediction &+= difference
    block[0] = Int16(truncatingIfNeeded: target.prediction)
    var k = 1
    var last = 0
    while k < 64 {
      reader.refillIfBelow(32)
      let entry = reader.entry(target.ac)
      var value = Int32(bitPattern: entry) >> 16
      let run = Int(entry >> 8 & 15)
      if value == 0 {
        let size = Int(entry >> 12 & 15)
        if size == 0 {
          if run != 15 { return last }
          k &+= 16
          continue
        }
        value = reader.takeSigned(size)
      }
      k &+= run
      block[Int(order[k])] = Int16(truncatingIfNeeded: value)
      last = k
      k &+= 1
    }
    return min(last, 63)
  }
}
