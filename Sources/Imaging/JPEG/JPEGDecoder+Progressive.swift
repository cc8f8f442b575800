import FixresBase

extension JPEGDecoder {
  /// A band of coefficients of one component (T.81, G.1.1.1.1) and the state of its scan.
  private struct Band {
    let table: HuffmanPointer
    /// First and last zigzag index of the band.
    let first: Int
    let last: Int
    /// Position of the lowest bit that this scan sends (successive approximation).
    let shift: Int32
    /// Following blocks whose band has no new coefficient.
    var endOfBandRun: Int32 = 0
  }

  /// Decodes a scan of progressive coding into the coefficients.
  mutating func readProgressive(_ scan: JPEGScan, isFirst: Bool) throws(ImageError) {
    for part in scan.parts {
      let bits = frame.components[part.component].unknownBits
      for index in min(scan.spectralStart, 1)..<10 {
        frame.components[part.component].earlierBits[index] = isFirst ? 0 : bits[index]
      }
      for index in scan.spectralStart...scan.spectralEnd {
        frame.components[part.component].unknownBits[index] = scan.approximationLow
      }
    }
    lastGoodRow = 0
    if scan.spectralStart == 0 {
      try readDC(scan)
    } else {
      try readAC(scan)
    }
  }

  /// DC coefficients of one or several components (T.81, G.1.2.1).
  private mutating func readDC(_ scan: JPEGScan) throws(ImageError) {
    let isInterleaved = scan.parts.count > 1
    let first = frame.components[scan.parts[0].component]
    let columns = isInterleaved ? frame.mcuColumns : first.blockColumns
    let rows = isInterleaved ? frame.mcuRows : first.blockRows
    let refines = scan.approximationHigh > 0
    var tables: [HuffmanPointer] = []
    for part in scan.parts where !refines { tables.append(try dcTable(part.dcTable, of: scan)) }
    var predictions = [Int32](repeating: 0, count: scan.parts.count)
    var reader = self.reader()
    var counter = RestartCounter(interval: markers.restartInterval)
    // True behind the end of the segment's data: blocks stay as they are.
    var isExhausted = false
    for row in 0..<rows {
      for column in 0..<columns {
        if !isExhausted { lastGoodRow = isInterleaved ? row : row / first.vertical }
        if counter.isDue() {
          if try restart(&reader, index: counter.passed()) { isExhausted = false }
          for index in predictions.indices { predictions[index] = 0 }
        }
        guard refines || !isExhausted else { continue }
        for (index, part) in scan.parts.enumerated() {
          let component = frame.components[part.component]
          let blocks = coefficientBase(part.component)
          for y in 0..<(isInterleaved ? component.vertical : 1) {
            for x in 0..<(isInterleaved ? component.horizontal : 1) {
              let blockRow = isInterleaved ? row * component.vertical + y : row
              let blockColumn = isInterleaved ? column * component.horizontal + x : column
              let block = blocks + (blockRow * component.paddedBlockColumns + blockColumn) * 64
              if refines {
                reader.refillIfBelow(32)
                if reader.take(1) != 0 { block[0] |= 1 << Int16(scan.approximationLow) }
              } else {
                let (value, overflow) = predictions[index].addingReportingOverflow(
                  Self.difference(&reader, tables[index]))
                guard !overflow else {
                  throw markers.malformed(position(of: reader), "DC coefficients of 32 bits", "a larger one")
                }
                predictions[index] = value
                block[0] = Int16(truncatingIfNeeded: value &<< Int32(scan.approximationLow))
              }
            }
          }
        }
        if reader.isOverrun { isExhausted = true }
      }
    }
    markers.position = position(of: reader)
  }

  private static func difference(_ reader: inout JPEGBitReader, _ table: HuffmanPointer) -> Int32 {
    reader.refillIfBelow(32)
    let category = reader.entry(table)
    let size = Int(category >> 12 & 15)
    return size > 0 ? reader.takeSigned(size) : Int32(bitPattern: category) >> 16
  }

  private func coefficientBase(_ component: Int) -> UnsafeMutablePointer<Int16> {
    UnsafeMutableRawPointer(coefficients[component].base).assumingMemoryBound(to: Int16.self)
  }

  /// A band of AC coefficients of one component (T.81, G.1.2.2 and G.1.2.3).
  private mutating func readAC(_ scan: JPEGScan) throws(ImageError) {
    let part = scan.parts[0]
    let component = frame.components[part.component]
    let blocks = coefficientBase(part.component)
    var band = Band(
      table: try acTable(part.acTable, of: scan), first: scan.spectralStart, last: scan.spectralEnd,
      shift: Int32(scan.approximationLow))
    var reader = self.reader()
    var counter = RestartCounter(interval: markers.restartInterval)
    let refines = scan.approximationHigh > 0
    var isExhausted = false
    for row in 0..<component.blockRows {
      for column in 0..<component.blockColumns {
        if !isExhausted { lastGoodRow = row / component.vertical }
        if counter.isDue() {
          if try restart(&reader, index: counter.passed()) { isExhausted = false }
          band.endOfBandRun = 0
        }
        guard !isExhausted else { continue }
        let block = blocks + (row * component.paddedBlockColumns + column) * 64
        Zigzag.naturalOrder.withUnsafeBufferPointer { order in
          if refines {
            Self.refine(block, &band, &reader, order: order.baseAddress!)
          } else {
            Self.decode(block, &band, &reader, order: order.baseAddress!)
          }
        }
        isExhausted = reader.isOverrun
      }
    }
    markers.position = position(of: reader)
  }

  /// The first scan of a band in one block.
  private static func decode(
    _ block: UnsafeMutablePointer<Int16>, _ band: inout Band, _ reader: inout JPEGBitReader,
    order: UnsafePointer<UInt8>
  ) {
    if band.endOfBandRun > 0 {
      band.endOfBandRun -= 1
      return
    }
    var k = band.first
    while k <= band.last {
      reader.refillIfBelow(32)
      let entry = reader.entry(band.table)
      let run = Int(entry >> 8 & 15)
      let size = Int(entry >> 12 & 15)
      var value = Int32(bitPattern: entry) >> 16
      if value == 0, size == 0 {
        if run == 15 {
          k &+= 16
          continue
        }
        band.endOfBandRun = (1 << Int32(run)) - 1
        if run > 0 { band.endOfBandRun += reader.take(run) }
        return
      }
      if value == 0 { value = reader.takeSigned(size) }
      k &+= run
      block[Int(order[k])] = Int16(truncatingIfNeeded: value &<< band.shift)
      k &+= 1
    }
  }

  /// A refinement scan of a band in one block: sends one more bit of every nonzero coefficient and the coefficients
  /// that become nonzero, which are `1 << shift` or its negative.
  private static func refine(
    _ block: UnsafeMutablePointer<Int16>, _ band: inout Band, _ reader: inout JPEGBitReader,
    order: UnsafePointer<UInt8>
  ) {
    var k = band.first
    if band.endOfBandRun == 0 {
      while k <= band.last {
        reader.refillIfBelow(32)
        var (run, sign) = refinement(&reader, band.table)
        if sign == 0, run < 15 {
          band.endOfBandRun = 1 << Int32(run)
          if run > 0 { band.endOfBandRun += reader.take(run) }
          break
        }
        // Skips `run` coefficients that are still 0 and refines the nonzero ones in between.
        while k <= band.last {
          let index = Int(order[k])
          if block[index] != 0 {
            correct(&block[index], band.shift, &reader)
          } else {
            if run == 0 { break }
            run &-= 1
          }
          k &+= 1
        }
        if sign != 0 { block[Int(order[k])] = Int16(truncatingIfNeeded: sign &<< band.shift) }
        k &+= 1
      }
    }
    if band.endOfBandRun > 0 {
      while k <= band.last {
        let index = Int(order[k])
        if block[index] != 0 { correct(&block[index], band.shift, &reader) }
        k &+= 1
      }
      band.endOfBandRun -= 1
    }
  }

  /// The next symbol of a refinement scan: a run, and the sign of the coefficient behind it, 0 for none. One bit is the sign
  /// whatever size the symbol states.
  @inline(__always) private static func refinement(
    _ reader: inout JPEGBitReader, _ table: HuffmanPointer
  ) -> (run: Int, sign: Int32) {
    let entry = reader.peek(table)
    let value = Int32(bitPattern: entry) >> 16
    let length = Int(entry & 0xFF)
    let run = Int(entry >> 8 & 15)
    // Where the entry holds the value, its length counts the value's bits, as many as the magnitude has.
    reader.consume(value == 0 ? length : length &- (32 &- value.magnitude.leadingZeroBitCount))
    if value == 0, entry >> 12 & 15 == 0 { return (run, 0) }
    return (run, reader.take(1) != 0 ? 1 : -1)
  }

  /// Adds the next bit to the magnitude of a nonzero coefficient.
  @inline(__always) private static func correct(
    _ coefficient: inout Int16, _ shift: Int32, _ reader: inout JPEGBitReader
  ) {
    reader.refillIfBelow(32)
    guard reader.take(1) != 0 else { return }
    let bit = Int16(truncatingIfNeeded: 1 &<< shift)
    // A bit that is already set is a sign of damage, which libjpeg ignores.
    if coefficient & bit == 0 { coefficient &+= coefficient > 0 ? bit : -bit }
  }
}

/// Counts the MCUs to the next restart marker.
struct RestartCounter {
  private let interval: Int
  private var left: Int
  private var markers = 0

  init(interval: Int) {
    self.interval = interval
    left = interval
  }

  /// True when a restart marker precedes the next MCU; counts that MCU.
  mutating func isDue() -> Bool {
    guard interval > 0 else { return false }
    if left == 0 {
      left = interval - 1
      return true
    }
    left -= 1
    return false
  }

  /// The index of the expected marker, counted from 0.
  mutating func passed() -> Int {
    markers += 1
    return markers - 1
  }
}
