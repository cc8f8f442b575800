import FixresBase

extension JPEGMarkers {
  /// Kinds of frame that are not supported, by marker.
  private static let refusedFrames: [UInt8: String] = [
    0xC3: "lossless coding", 0xC5: "hierarchical coding", 0xC6: "hierarchical coding",
    0xC7: "hierarchical lossless coding", 0xC8: "a reserved extension", 0xC9: "arithmetic coding",
    0xCA: "progressive arithmetic coding", 0xCB: "lossless arithmetic coding",
    0xCD: "hierarchical arithmetic coding", 0xCE: "hierarchical arithmetic coding",
    0xCF: "hierarchical arithmetic coding", 0xDE: "hierarchical coding", 0xDF: "hierarchical coding",
    0xF7: "JPEG-LS coding",
  ]

  /// Reads segments up to the frame header.
  mutating func readToFrame() throws(ImageError) -> JPEGFrame {
    while true {
      let code = try nextMarker()
      if code == 0xC0 || code == 0xC1 || code == 0xC2 { return try readFrame(code) }
      if try readTables(code) { continue }
      throw unexpected(code, "a frame header")
    }
  }

  func unexpected(_ code: UInt8, _ expected: String) -> ImageError {
    if let feature = Self.refusedFrames[code] {
      return .unsupported(.jpeg, offset: position - 2, feature: feature)
    }
    return malformed(position - 2, expected, "marker FF\(Self.hex(code))")
  }

  private static func hex(_ byte: UInt8) -> String {
    let digits = String(byte, radix: 16, uppercase: true)
    return digits.count == 1 ? "0" + digits : digits
  }

  private mutating func readFrame(_ code: UInt8) throws(ImageError) -> JPEGFrame {
    let start = position - 2
    let body = try segment().array
    guard body.count >= 6, body.count == 6 + 3 * Int(body[5]) else {
      throw malformed(start, "a frame header of 6 bytes and 3 a component", "\(body.count) bytes")
    }
    guard body[0] == 8 else {
      throw .unsupported(.jpeg, offset: start, feature: "\(body[0])-bit samples")
    }
    let height = Int(body[1]) << 8 | Int(body[2])
    let width = Int(body[3]) << 8 | Int(body[4])
    guard width > 0, height > 0 else {
      throw malformed(start, "a width and height above 0", "\(width)x\(height)")
    }
    guard [1, 3, 4].contains(body[5]) else {
      throw .unsupported(.jpeg, offset: start, feature: "\(body[5]) components")
    }
    var samplings: [JPEGFrame.Sampling] = []
    for at in stride(from: 6, to: body.count, by: 3) {
      let horizontal = Int(body[at + 1] >> 4)
      let vertical = Int(body[at + 1] & 15)
      guard (1...4).contains(horizontal), (1...4).contains(vertical), body[at + 2] < 4 else {
        throw malformed(
          start, "sampling factors 1...4 and quantisation table 0...3",
          "\(horizontal)x\(vertical), table \(body[at + 2])")
      }
      samplings.append(
        .init(
          identifier: body[at], horizontal: horizontal, vertical: vertical,
          quantizationIndex: Int(body[at + 2])))
    }
    let frame = JPEGFrame(
      width: width, height: height, isProgressive: code == 0xC2, offset: start, samplings: samplings)
    for part in frame.components
    where frame.maximumHorizontal % part.horizontal != 0 || frame.maximumVertical % part.vertical != 0 {
      throw .unsupported(
        .jpeg, offset: start,
        feature:
          "sampling \(part.horizontal)x\(part.vertical) beside \(frame.maximumHorizontal)x\(frame.maximumVertical)"
      )
    }
    return frame
  }

  /// Reads the scan header of the marker just read.
  mutating func readScan(_ frame: JPEGFrame) throws(ImageError) -> JPEGScan {
    let start = position - 2
    let body = try segment().array
    guard let count = body.first.map(Int.init), (1...4).contains(count), body.count == 4 + 2 * count else {
      throw malformed(start, "a scan header of 1 to 4 components", "\(body.count) bytes")
    }
    var parts: [JPEGScan.Part] = []
    for at in stride(from: 1, to: 1 + 2 * count, by: 2) {
      // Of components with one identifier each takes the first that is left, as in libjpeg.
      let found = frame.components.indices.first { index in
        frame.components[index].identifier == body[at] && index >= parts.count
      }
      guard let component = found, !parts.contains(where: { $0.component == component }) else {
        throw malformed(start, "components of the frame, each once", "component \(body[at])")
      }
      parts.append(
        .init(component: component, dcTable: Int(body[at + 1] >> 4), acTable: Int(body[at + 1] & 15)))
    }
    let blocks = parts.reduce(0) {
      $0 + frame.components[$1.component].horizontal * frame.components[$1.component].vertical
    }
    guard parts.count == 1 || blocks <= 10 else {
      throw malformed(start, "at most 10 blocks in an MCU", "\(blocks)")
    }
    let tail = body.count - 3
    let scan = JPEGScan(
      parts: parts, spectralStart: Int(body[tail]), spectralEnd: Int(body[tail + 1]),
      approximationHigh: Int(body[tail + 2] >> 4), approximationLow: Int(body[tail + 2] & 15),
      offset: start)
    if frame.isProgressive { try checkProgression(scan) }
    return scan
  }

  private func checkProgression(_ scan: JPEGScan) throws(ImageError) {
    let (first, last) = (scan.spectralStart, scan.spectralEnd)
    let bandIsLegal = first == 0 ? last == 0 : first <= last && last < 64 && scan.parts.count == 1
    let refines = scan.approximationHigh != 0
    guard bandIsLegal, scan.approximationLow <= 13,
      !refines || scan.approximationLow == scan.approximationHigh - 1
    else {
      throw malformed(
        scan.offset, "a legal progressive scan",
        "coefficients \(first)...\(last), bits \(scan.approximationHigh) to \(scan.approximationLow)")
    }
  }
}
