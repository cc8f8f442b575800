import FixresBase

/// Decodes JPEG (ITU-T T.81): baseline, extended sequential and progressive Huffman coding with 8-bit samples; every
/// byte equals libjpeg-turbo's as Pillow configures it, also where data is damaged: whatever the entropy-coded data holds
/// gives some picture, while segments and the end of the image must be there.
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
  private var scanCount = 0
  /// True behind the only scan of a picture, where its data ended at a marker.
  private var isComplete = false
  /// The last row of MCUs in which the last progressive scan had data.
  var lastGoodRow = 0

  /// Pixels of a picture that may be mostly missing, such as one of a few bytes before the end of the image.
  private static let smallPicture = 1 << 22

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
    // Every block of an intact picture needs a code of at least a bit: a header cannot make a small file allocate much.
    let rest = bytes.count - markers.position
    guard frame.blockCount / 8 <= rest || frame.width * frame.height <= smallPicture else {
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
    while true {
      var found: UInt8?
      do throws(ImageError) {
        let code = try markers.nextMarker()
        found = code
        switch code {
        case JPEGMarkers.Code.startOfScan:
          scanCount += 1
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
      } catch {
        // A picture of one scan is complete behind it: Pillow accepts that the rest is missing.
        guard case .truncated = error, isComplete, found.map(JPEGMarkers.isSkipped) ?? true else {
          throw error
        }
        return
      }
    }
  }

  private mutating func readScan(isFirst: Bool) throws(ImageError) {
    let scan = try markers.readScan(frame)
    if !isFirst, coefficients.isEmpty {
      throw markers.malformed(scan.offset, "the end of the image", "another scan")
    }
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
      try readProgressive(scan, isFirst: isFirst)
    } else {
      try readSequential(scan)
      isComplete = coefficients.isEmpty
    }
  }

  private mutating func allocate(isSingleScan: Bool) throws(ImageError) {
    for component in frame.components {
      let samples = component.paddedBlockColumns * component.paddedBlockRows * 64
      planes.append(try PixelBuffer(byteCount: samples))
      if !isSingleScan { coefficients.append(try PixelBuffer(byteCount: 2 * samples, zeroed: true)) }
    }
  }

  /// Transforms stored coefficients at the end of the image; components without a scan are grey.
  private func finish() throws(ImageError) {
    guard !planes.isEmpty else {
      throw markers.malformed(markers.position - 2, "a scan", "the end of the image")
    }
    guard !coefficients.isEmpty else { return }
    let smoothings = smoothings
    for (index, component) in frame.components.enumerated() {
      if !seen.contains(index) {
        planes[index].base.update(repeating: 128, count: planes[index].byteCount)
      } else if let smoothings {
        let blocks = UnsafeRawPointer(coefficients[index].base).assumingMemoryBound(to: Int16.self)
        smoothings[index].transform(from: blocks, to: planes[index].base)
      } else {
        transform(component, from: coefficients[index], to: planes[index])
      }
    }
  }

  /// The smoothing of each component where a progressive picture lacks scans; nil where libjpeg does without.
  private var smoothings: [BlockSmoothing]? {
    guard frame.isProgressive else { return nil }
    // Before the first scan no bit of any coefficient is known.
    let smoothings = frame.components.compactMap {
      BlockSmoothing(
        $0, mcuRows: frame.mcuRows, lastGoodRow: scanCount > 1 ? lastGoodRow : frame.mcuRows)
    }
    guard smoothings.count == frame.components.count, smoothings.contains(where: \.isUseful) else {
      return nil
    }
    return smoothings
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

  func dcTable(_ index: Int, of scan: JPEGScan) throws(ImageError) -> HuffmanPointer {
    let standard = index < 4 && !frame.isProgressive ? HuffmanTable.standards.dc[index] : nil
    let table = try table(
      index < 4 ? markers.dcTables[index] : nil, or: standard, name: "DC Huffman table \(index)", of: scan)
    guard table.holdsCategories else {
      throw markers.malformed(scan.offset, "DC Huffman table \(index) of categories 0...15", "other symbols")
    }
    return HuffmanPointer(table)
  }

  func acTable(_ index: Int, of scan: JPEGScan) throws(ImageError) -> HuffmanPointer {
    let standard = index < 4 && !frame.isProgressive ? HuffmanTable.standards.ac[index] : nil
    return HuffmanPointer(
      try table(
        index < 4 ? markers.acTables[index] : nil, or: standard, name: "AC Huffman table \(index)",
        of: scan))
  }

  private func table(
    _ definition: JPEGMarkers.Definition?, or standard: HuffmanTable?, name: String, of scan: JPEGScan
  ) throws(ImageError) -> HuffmanTable {
    switch definition {
    case .table(let table): return table
    case .malformed:
      throw markers.malformed(scan.offset, "\(name) of a prefix code", "other lengths")
    case nil:
      guard let standard else {
        throw markers.malformed(scan.offset, name, "none")
      }
      return standard
    }
  }
}
