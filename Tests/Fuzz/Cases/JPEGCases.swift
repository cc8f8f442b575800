/// JPEG files: fields of every segment, segments moved, tables and scans that do not belong together.
enum JPEGCases {
  /// A marker segment: its place, its code, and the bytes of its fields behind the length.
  private struct Segment {
    var start: Int
    var code: UInt8
    /// Bytes from the marker to the next one, entropy-coded data included.
    var end: Int
    /// Bytes of the fields.
    var fields: Range<Int>
  }

  private static func segments(_ file: [UInt8]) -> [Segment] {
    var segments: [Segment] = []
    var place = 2
    while place + 4 <= file.count {
      guard file[place] == 0xFF, file[place + 1] != 0, file[place + 1] != 0xFF else {
        place += 1
        continue
      }
      let code = file[place + 1]
      if (0xD0...0xD9).contains(code) || code == 1 {
        segments.append(Segment(start: place, code: code, end: place + 2, fields: place + 2..<place + 2))
        place += 2
        continue
      }
      let length = file.big(place + 2, 2) ?? 2
      let end = min(file.count, place + 2 + max(length, 2))
      var next = end
      if code == 0xDA {
        while next + 1 < file.count, file[next] != 0xFF || file[next + 1] == 0 { next += 1 }
        if next + 1 >= file.count { next = file.count }
      }
      segments.append(Segment(start: place, code: code, end: next, fields: min(place + 4, end)..<end))
      place = next
    }
    return segments
  }

  static func mutate(_ file: inout [UInt8], _ dice: inout Dice) {
    let parts = segments(file)
    guard !parts.isEmpty else { return GenericMutator.number(&file, &dice) }
    let part = dice.pick(parts)
    switch dice.below(12) {
    case 0, 1, 2, 3: field(&file, part, &dice)
    case 4: file.removeSubrange(part.start..<part.end)
    case 5: file.insert(contentsOf: Array(file[part.start..<part.end]), at: dice.pick(parts).start)
    case 6: move(&file, part, dice.pick(parts))
    case 7: file[part.start + 1] = dice.once(in: 2) ? UInt8(0xC0 + dice.below(64)) : UInt8(dice.below(256))
    case 8:
      file.putBig(dice.once(in: 2) ? dice.interesting(2) : UInt64(dice.below(40)), at: part.start + 2, 2)
    case 9: entropy(&file, parts, &dice)
    case 10: insert(&file, parts, &dice)
    default: file.insert(contentsOf: [0xFF, UInt8(0xD0 + dice.below(10))], at: dice.below(file.count + 1))
    }
  }

  /// Changes one field of a segment to a value that its kind gives a meaning, or to any.
  private static func field(_ file: inout [UInt8], _ part: Segment, _ dice: inout Dice) {
    guard !part.fields.isEmpty else { return }
    let start = part.fields.lowerBound
    switch part.code {
    case 0xC0...0xC3, 0xC5...0xC7, 0xC9...0xCB, 0xCD...0xCF:
      switch dice.below(5) {
      case 0: file.putBig(dice.once(in: 2) ? dice.interesting(2) : UInt64(dice.below(40)), at: start + 1, 2)
      case 1: file.putBig(dice.once(in: 2) ? dice.interesting(2) : UInt64(dice.below(40)), at: start + 3, 2)
      case 2: put(&file, UInt8(dice.pick([0, 1, 2, 3, 4, 5, 255])), start + 5)
      case 3:
        let sampling = UInt8(dice.below(5) << 4 | dice.below(5))
        put(&file, dice.once(in: 4) ? UInt8(dice.below(256)) : sampling, start + 7 + 3 * dice.below(4))
      default: put(&file, UInt8(dice.below(6)), start + 6 + dice.below(12))
      }
    case 0xDA:
      let count = Int(file[start])
      switch dice.below(4) {
      case 0: put(&file, UInt8(dice.below(6)), start)
      case 1: put(&file, UInt8(dice.below(5) << 4 | dice.below(5)), start + 2 + 2 * dice.below(max(count, 1)))
      default:
        let value = dice.pick([0, 1, 2, 5, 6, 62, 63, 64, 255, 0x01, 0x10, 0x21, 0x12, 0x1D, 0xD0])
        put(&file, UInt8(value), start + 1 + 2 * count + dice.below(3))
      }
    case 0xC4:
      put(
        &file, UInt8(dice.once(in: 2) ? dice.below(20) : dice.below(256)),
        start + dice.below(min(part.fields.count, 40)))
    case 0xDB:
      put(
        &file, UInt8(dice.once(in: 3) ? dice.pick([0, 0x10, 0x13, 0x04, 0xFF, 1]) : dice.below(256)),
        start + dice.below(part.fields.count))
    default:
      if dice.once(in: 2) {
        file.putBig(dice.interesting(2), at: start, 2)
      } else {
        put(&file, UInt8(dice.below(256)), start + dice.below(part.fields.count))
      }
    }
  }

  private static func put(_ file: inout [UInt8], _ value: UInt8, _ place: Int) {
    if file.indices.contains(place) { file[place] = value }
  }

  private static func move(_ file: inout [UInt8], _ part: Segment, _ target: Segment) {
    let bytes = Array(file[part.start..<part.end])
    if target.start >= part.end {
      file.insert(contentsOf: bytes, at: target.start)
      file.removeSubrange(part.start..<part.end)
    } else if target.start < part.start {
      file.removeSubrange(part.start..<part.end)
      file.insert(contentsOf: bytes, at: target.start)
    }
  }

  /// Changes entropy-coded data of a scan.
  private static func entropy(_ file: inout [UInt8], _ parts: [Segment], _ dice: inout Dice) {
    let scans = parts.filter { $0.code == 0xDA && $0.end > $0.fields.upperBound }
    guard !scans.isEmpty else { return }
    let scan = dice.pick(scans)
    let data = scan.fields.upperBound..<scan.end
    let place = data.lowerBound + dice.below(data.count)
    switch dice.below(5) {
    case 0: file[place] ^= 1 << UInt8(dice.below(8))
    case 1: file.removeSubrange(place..<min(scan.end, place + 1 + dice.below(20)))
    case 2: file.insert(contentsOf: (0..<1 + dice.below(20)).map { _ in UInt8(dice.below(256)) }, at: place)
    case 3:
      file.replaceSubrange(place..<scan.end, with: (0..<dice.below(60)).map { _ in UInt8(dice.below(255)) })
    default: file.insert(contentsOf: [0xFF, UInt8(0xD0 + dice.below(8))], at: place)
    }
  }

  /// A new segment of a kind that readers treat specially.
  private static func insert(_ file: inout [UInt8], _ parts: [Segment], _ dice: inout Dice) {
    let code = UInt8(dice.pick([0xC4, 0xDB, 0xDD, 0xDA, 0xE0, 0xE1, 0xEE, 0xFE, 0xDC, 0xCC]))
    var fields: [UInt8]
    switch code {
    case 0xDD: fields = [0, UInt8(dice.below(5))]
    case 0xEE: fields = Array("Adobe".utf8) + [0, 100, 0, 0, 0, 0, UInt8(dice.below(4))]
    case 0xC4: fields = huffmanTable(&dice)
    case 0xDB:
      fields =
        [UInt8(dice.pick([0, 1, 2, 3, 0x10, 0x11, 4]))]
        + (0..<dice.pick([64, 128, 10])).map { _ in UInt8(dice.below(256)) }
    default: fields = (0..<dice.below(20)).map { _ in UInt8(dice.below(256)) }
    }
    var segment: [UInt8] = [0xFF, code]
    segment.appendBig(UInt64(fields.count + 2), 2)
    file.insert(contentsOf: segment + fields, at: dice.pick(parts).start)
  }

  /// A table whose counts are a full code, an overfull one or one with gaps.
  private static func huffmanTable(_ dice: inout Dice) -> [UInt8] {
    var counts = [UInt8](repeating: 0, count: 16)
    var room = 1
    for length in 0..<16 {
      room *= 2
      let used = min(dice.below(4), dice.once(in: 20) ? 255 : room)
      counts[length] = UInt8(used)
      room = max(room - used, 0)
    }
    let total = counts.reduce(0) { $0 + Int($1) }
    let values = (0..<max(total - (dice.once(in: 10) ? 1 : 0), 0)).map { _ in
      UInt8(dice.once(in: 4) ? dice.below(256) : dice.below(12))
    }
    return [UInt8(dice.pick([0, 1, 0x10, 0x11, 2, 0x13, 0x20]))] + counts + values
  }
}
