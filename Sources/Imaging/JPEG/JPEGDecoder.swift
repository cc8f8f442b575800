import FixresBase

/// Decodes JPEG (ITU-T T.81): baseline, extended sequential and progressive Huffman coding with 8-bit samples; every
/// byte equals libjpeg-turbo's as Pillow configures it.
struct JPEGDecoder {
  /// Largest number of scans accepted; a progressive file has about ten.
  static let maximumScans = 256

  var markers: JPEGMarkers
  var frame: JPEGFrame
  /// For each component, its samples `[paddedBlockRows * 8, paddedBlockColumns * 8]`.
  var planes: [PixelBuffer] = []
  /// For each component, its coefficients `[paddedBlockRows, paddedBlockColumns, 64]` in natural order; empty where
  /// one scan holds all components and blocks are transformed at once.
  var coefficients: [PixelBuffer] = []
  /// Components whose first scan has been read.
  var seen: Set<Int> = []

  static func header(of bytes: Bytes) throws(ImageError) -> PictureHeader {
    var markers = JPEGMarkers(bytes)
    return header(try markers.readToFrame(), markers)
  }

  private static func header(_ frame: JPEGFrame, _ markers: JPEGMarkers) -> PictureHeader {
    WorkTally.record(.pictureHeader)
    return PictureHeader(
      format: .jpeg, width: frame.width, height: frame.height, orientation: markers.orientation)
  }

  static func read(_ bytes: Bytes, limits: DecodingLimits) throws(ImageError) -> DecodedPicture {
    var markers = JPEGMarkers(bytes)
    let frame = try markers.readToFrame()
    let header = header(frame, markers)
    try limits.check(width: frame.width, height: frame.height)
    // Every block needs a code of at least a bit: a header cannot make a small file allocate much.
    let rest = bytes.count - markers.position
    guard frame.blockCount / 8 <= rest else {
      throw .truncated(.jpeg, offset: markers.position, expected: frame.blockCount / 8, found: rest)
    }
    var decoder = JPEGDecoder(markers: markers, frame: frame)
    try decoder.readScans()
    return DecodedPicture(header: header, picture: try decoder.picture())
  }

  private init(markers: JPEGMarkers, frame: JPEGFrame) {
    self.markers = markers
    self.frame = frame
  }

  private mutating func readScans() throws(ImageError) {
    var scanCount = 0
    while true {
      let code = try markers.nextMarker()
      switch code {
      case JPEGMarkers.Code.startOfScan:
        scanCount += 1
        if scanCount > 1, coefficients.isEmpty {
          throw markers.malformed(markers.position - 2, "the end of the image", "another scan")
        }
        guard scanCount <= Self.maximumScans else {
          throw .unsupported(
            .jpeg, offset: markers.position - 2, feature: "more than \(Self.maximumScans) scans")
        }
        try readScan(isFirst: scanCount == 1)
      case JPEGMarkers.Code.endOfImage:
        return try finish()
      default:
        guard try markers.readTables(code) else {
          throw markers.unexpected(code, "a scan, a table or the end of the image")
        }
      }
    }
  }

  private mutating func readScan(isFirst: Bool) throws(ImageError) {
    let scan = try markers.readScan(frame)
    for part in scan.parts where !seen.contains(part.component) {
      guard let table = markers.quantization[frame.components[part.component].quantizationIndex] else {
        throw markers.malformed(
          scan.offset, "a quantisation table for every component",
          "none with index \(frame.components[part.component].quantizationIndex)")
      }
      frame.components[part.component].quantization = table
      seen.insert(part.component)
    }
    if isFirst {
      try allocate(isSingleScan: !frame.isProgressive && scan.parts.count == frame.components.count)
    }
    if frame.isProgressive {
      try readProgressive(scan)
    } else {
      try readSequential(scan)
    }
  }

  private mutating func allocate(isSingleScan: Bool) throws(ImageError) {
    for component in frame.components {
      let samples = component.paddedBlockColumns * component.paddedBlockRows * 64
      planes.append(try PixelBuffer(byteCount: samples))
      if !isSingleScan { coefficients.append(try PixelBuffer(byteCount: 2 * samples, zeroed: true)) }
    }
  }

  /// Checks at the end of the image that every component was complete, and transforms stored coefficients.
  private func finish() throws(ImageError) {
    guard seen.count == frame.components.count else {
      throw markers.malformed(
        markers.position - 2, "a scan of each of \(frame.components.count) components",
        "scans of \(seen.count)")
    }
    for (index, component) in frame.components.enumerated() where !coefficients.isEmpty {
      // libjpeg smooths block edges while one of the first ten coefficients is not fully known.
      if frame.isProgressive, component.unknownBits[0..<10].contains(where: { $0 != 0 }) {
        throw .unsupported(
          .jpeg, offset: markers.position - 2, feature: "an incomplete progressive picture")
      }
      transform(component, from: coefficients[index], to: planes[index])
    }
  }

  private func transform(_ component: JPEGComponent, from coefficients: PixelBuffer, to plane: PixelBuffer) {
    let blocks = UnsafeRawPointer(coefficients.base).assumingMemoryBound(to: Int16.self)
    component.quantization.withUnsafeBufferPointer { quantization in
      guard let table = quantization.baseAddress else { return }
      for row in 0..<component.paddedBlockRows {
        for column in 0..<component.paddedBlockColumns {
          let block = blocks + (row * component.paddedBlockColumns + column) * 64
          InverseDCT.transform(
            block, quantization: table, last: InverseDCT.lastIndex(of: block),
            to: plane.base + row * 8 * component.stride + column * 8, stride: component.stride)
        }
      }
    }
  }

  /// A reader at the scan's first entropy-coded byte; valid as long as the decoder.
  func reader() -> JPEGBitReader {
    let base = markers.bytes.unsafeBase.assumingMemoryBound(to: UInt8.self)
    return JPEGBitReader(base + markers.position, end: base + markers.bytes.count)
  }

  func position(of reader: JPEGBitReader) -> Int {
    reader.next - markers.bytes.unsafeBase.assumingMemoryBound(to: UInt8.self)
  }

  /// Reads the restart marker that must follow; `index` counts them from 0.
  func restart(_ reader: inout JPEGBitReader, index: Int) throws(ImageError) {
    var markers = self.markers
    markers.position = position(of: reader)
    let code = try markers.nextMarker()
    guard code == 0xD0 + UInt8(index & 7) else {
      throw markers.malformed(
        markers.position - 2, "restart marker \(index & 7)", "marker FF\(String(code, radix: 16))")
    }
    reader.restart(at: reader.next + (markers.position - position(of: reader)))
  }

  /// - Throws: where a code was invalid or the data ended early.
  func check(_ reader: JPEGBitReader, isIntact: Bool) throws(ImageError) {
    if reader.isOverrun {
      let offset = position(of: reader)
      if offset >= markers.bytes.count - 1 {
        throw .truncated(.jpeg, offset: offset, expected: 1, found: 0)
      }
      throw markers.malformed(offset, "entropy-coded data", "a marker")
    }
    guard isIntact else {
      throw markers.malformed(position(of: reader), "a Huffman code of the table", "other bits")
    }
  }

  func dcTable(_ index: Int, of scan: JPEGScan) throws(ImageError) -> HuffmanPointer {
    let standard = frame.isProgressive ? nil : HuffmanTable.standards.dc[index]
    guard let table = markers.dcTables[index] ?? standard, table.holdsCategories else {
      throw markers.malformed(scan.offset, "DC Huffman table \(index)", "none, or one of other symbols")
    }
    return HuffmanPointer(table)
  }

  func acTable(_ index: Int, of scan: JPEGScan) throws(ImageError) -> HuffmanPointer {
    let standard = frame.isProgressive ? nil : HuffmanTable.standards.ac[index]
    guard let table = markers.acTables[index] ?? standard else {
      throw markers.malformed(scan.offset, "AC Huffman table \(index)", "none")
    }
    return HuffmanPointer(table)
  }
}
