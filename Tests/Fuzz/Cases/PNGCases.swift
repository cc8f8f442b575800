import FixresBase

/// PNG files: chunks with right checksums around changed fields, and pixel data of every kind of deflate block.
enum PNGCases {
  static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
  private static let types = [
    "IHDR", "PLTE", "IDAT", "IEND", "tRNS", "eXIf", "zTXt", "iCCP", "tEXt", "gAMA", "sRGB", "acTL", "fdAT",
    "bKGD",
    "AbCd", "abCd",
  ].map { Array($0.utf8) }

  struct Chunk {
    var type: [UInt8]
    var data: [UInt8]
  }

  /// The chunks of `file` as far as their lengths hold.
  static func chunks(_ file: [UInt8]) -> [Chunk] {
    var chunks: [Chunk] = []
    var place = 8
    while let length = file.big(place, 4), length <= file.count - place - 8 {
      chunks.append(
        Chunk(type: Array(file[place + 4..<place + 8]), data: Array(file[place + 8..<place + 8 + length])))
      place += 12 + length
    }
    return chunks
  }

  static func file(_ chunks: [Chunk]) -> [UInt8] {
    var file = signature
    for chunk in chunks {
      file.appendBig(UInt64(chunk.data.count), 4)
      let body = chunk.type + chunk.data
      file += body
      file.appendBig(UInt64(body.withUnsafeBytes { CRC32.checksum($0) }), 4)
    }
    return file
  }

  /// A picture of chance: colour type, depth, interlace, palette and transparency that fit, or nearly so.
  static func generate(_ dice: inout Dice) -> [UInt8] {
    let (color, depth) = dice.pick([
      (0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (2, 16), (3, 1), (3, 2), (3, 4), (3, 8), (4, 8),
      (4, 16), (6, 8),
      (6, 16),
    ])
    let (width, height) = (1 + dice.below(20), 1 + dice.below(12))
    let isInterlaced = dice.once(in: 3)
    var header: [UInt8] = []
    header.appendBig(UInt64(width), 4)
    header.appendBig(UInt64(height), 4)
    header += [UInt8(depth), UInt8(color), 0, 0, isInterlaced ? 1 : 0]
    var chunks = [Chunk(type: types[0], data: header)]
    if color == 3 || dice.once(in: 12) {
      let entries = dice.once(in: 3) ? dice.below(1 << depth + 2) : 1 << min(depth, 8)
      chunks.append(
        Chunk(type: types[1], data: (0..<3 * min(entries, 300)).map { _ in UInt8(dice.below(256)) }))
    }
    if dice.once(in: 5) {
      let count = dice.pick([0, 1, 2, 6, 1 + dice.below(20)])
      chunks.append(Chunk(type: types[4], data: (0..<count).map { _ in UInt8(dice.below(256)) }))
    }
    let channels = [1, 1, 3, 1, 2, 1, 4][color]
    let row = { (width: Int) in (width * channels * depth + 7) / 8 + 1 }
    var count = row(width) * height
    if isInterlaced {
      count = 0
      for (x, y, dx, dy) in [
        (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2),
      ] {
        let (w, h) = ((width - x + dx - 1) / dx, (height - y + dy - 1) / dy)
        if w > 0, h > 0 { count += row(w) * h }
      }
    }
    if dice.once(in: 10) { count += dice.below(40) - 20 }
    var data = DeflateWriter.stream(max(count, 1), &dice)
    while !data.isEmpty {
      let part = dice.once(in: 2) ? data.count : dice.below(data.count + 1)
      chunks.append(Chunk(type: types[2], data: Array(data.prefix(part))))
      data.removeFirst(part)
    }
    chunks.append(Chunk(type: types[3], data: []))
    return file(chunks)
  }

  static func mutate(_ bytes: inout [UInt8], _ dice: inout Dice) {
    var parts = chunks(bytes)
    guard !parts.isEmpty else { return GenericMutator.number(&bytes, &dice) }
    let place = dice.below(parts.count)
    switch dice.below(10) {
    case 0, 1: header(&parts[0].data, &dice)
    case 2: parts.remove(at: place)
    case 3: parts.insert(parts[place], at: dice.below(parts.count + 1))
    case 4: parts.swapAt(place, dice.below(parts.count))
    case 5: parts[place].type = dice.pick(types)
    case 6:
      let data = (0..<dice.pick([0, 1, 2, 3, 6, 12, 768, 771])).map { _ in UInt8(dice.below(256)) }
      parts.insert(Chunk(type: dice.pick(types), data: data), at: dice.below(parts.count + 1))
    case 7: GenericMutator.mutate(&parts[place].data, others: [parts[dice.below(parts.count)].data], &dice)
    case 8:
      // Another division of the pixel data.
      let at = dice.below(parts[place].data.count + 1)
      let rest = Array(parts[place].data[at...])
      parts[place].data.removeSubrange(at...)
      parts.insert(Chunk(type: parts[place].type, data: rest), at: place + 1)
    default:
      // A length that is not that of the data, which no repair undoes.
      bytes = file(parts)
      let start = 8 + parts.prefix(place).reduce(0) { $0 + $1.data.count + 12 }
      bytes.putBig(dice.interesting(4), at: start, 4)
      return
    }
    bytes = file(parts)
  }

  private static func header(_ data: inout [UInt8], _ dice: inout Dice) {
    guard data.count == 13 else { return }
    switch dice.below(4) {
    case 0: data.putBig(dice.once(in: 2) ? dice.interesting(4) : UInt64(dice.below(40)), at: 0, 4)
    case 1: data.putBig(dice.once(in: 2) ? dice.interesting(4) : UInt64(dice.below(40)), at: 4, 4)
    default:
      data[8 + dice.below(5)] = UInt8(
        dice.once(in: 3) ? dice.below(256) : dice.pick([0, 1, 2, 3, 4, 6, 8, 16]))
    }
  }

  /// Makes the checksum of every chunk right.
  static func repair(_ bytes: inout [UInt8]) {
    var place = 8
    while let length = bytes.big(place, 4), length <= bytes.count - place - 12 {
      let sum = bytes.withUnsafeBytes {
        CRC32.checksum(UnsafeRawBufferPointer(rebasing: $0[place + 4..<place + 8 + length]))
      }
      bytes.putBig(UInt64(sum), at: place + 8 + length, 4)
      place += 12 + length
    }
  }
}
