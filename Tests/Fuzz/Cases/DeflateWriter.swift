/// Writes deflate streams (RFC 1951) with every kind of block, sound ones and ones that lie about their codes.
struct DeflateWriter {
  private(set) var bytes: [UInt8] = []
  private var buffer: UInt64 = 0
  private var bitCount = 0
  /// Bytes that a reader has after what was written, as long as the stream is sound.
  private(set) var outputCount = 0

  /// `count` bits of `value`, the lowest first.
  mutating func put(_ value: Int, _ count: Int) {
    buffer |= UInt64(value & ((1 << count) - 1)) << UInt64(bitCount)
    bitCount += count
    while bitCount >= 8 {
      bytes.append(UInt8(truncatingIfNeeded: buffer))
      buffer >>= 8
      bitCount -= 8
    }
  }

  mutating func align() { if bitCount > 0 { put(0, 8 - bitCount) } }

  /// A zlib stream (RFC 1950) of blocks of chance that give `count` bytes, values mostly small, or nearly that.
  static func stream(_ count: Int, _ dice: inout Dice) -> [UInt8] {
    var writer = DeflateWriter()
    var rounds = 0
    while writer.outputCount < count, rounds < 40 {
      rounds += 1
      let wanted = dice.once(in: 3) ? 1 + dice.below(count - writer.outputCount) : count - writer.outputCount
      let isFinal = writer.outputCount + wanted >= count
      switch dice.below(4) {
      case 0: writer.stored(wanted, isFinal: isFinal, &dice)
      case 1: writer.fixed(wanted, isFinal: isFinal, &dice)
      default: writer.dynamic(wanted, isFinal: isFinal, &dice)
      }
    }
    writer.align()
    var file: [UInt8] = [0x78, 0x9C] + writer.bytes
    if dice.once(in: 30) { file[1] = UInt8(dice.below(256)) }
    file.appendBig(dice.bits(), 4)
    return file
  }

  // MARK: Blocks

  private mutating func stored(_ count: Int, isFinal: Bool, _ dice: inout Dice) {
    let count = min(count, 65535)
    put(isFinal ? 1 : 0, 1)
    put(0, 2)
    align()
    let lies = dice.once(in: 40)
    put(lies ? dice.below(65536) : count, 16)
    put(dice.once(in: 40) ? dice.below(65536) : ~count, 16)
    for _ in 0..<count { put(Self.literal(&dice), 8) }
    outputCount += count
  }

  private static func literal(_ dice: inout Dice) -> Int {
    dice.once(in: 6) ? dice.below(256) : dice.below(5)
  }

  private mutating func fixed(_ count: Int, isFinal: Bool, _ dice: inout Dice) {
    put(isFinal ? 1 : 0, 1)
    put(1, 2)
    let lengths = (0..<288).map { $0 < 144 ? 8 : $0 < 256 ? 9 : $0 < 280 ? 7 : 8 }
    tokens(
      count, literals: HuffmanCode(lengths), distances: HuffmanCode([Int](repeating: 5, count: 32)), &dice)
  }

  private mutating func dynamic(_ count: Int, isFinal: Bool, _ dice: inout Dice) {
    put(isFinal ? 1 : 0, 1)
    put(2, 2)
    var literals = HuffmanCode.lengths(symbols: 257 + dice.below(30), must: [256, 0, 1, 2], &dice)
    var distances = HuffmanCode.lengths(symbols: 1 + dice.below(30), must: [0], &dice)
    if dice.once(in: 12) { literals[dice.below(literals.count)] = dice.below(16) }
    if dice.once(in: 12) { distances[dice.below(distances.count)] = dice.below(16) }
    if dice.once(in: 12) { distances = [dice.below(2)] }
    let all = literals + distances
    var codeLengths = HuffmanCode.lengths(symbols: 19, must: Array(Set(all)) + [16, 17, 18], limit: 7, &dice)
    if dice.once(in: 20) { codeLengths[dice.below(19)] = dice.below(8) }
    let code = HuffmanCode(codeLengths)
    put(literals.count - 257, 5)
    put(distances.count - 1, 5)
    put(15, 4)
    for symbol in [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15] {
      put(codeLengths[symbol], 3)
    }
    writeLengths(all, code, &dice)
    tokens(count, literals: HuffmanCode(literals), distances: HuffmanCode(distances), &dice)
  }

  /// Code lengths with the repeat codes where they fit, and rarely where they do not.
  private mutating func writeLengths(_ lengths: [Int], _ code: HuffmanCode, _ dice: inout Dice) {
    var index = 0
    while index < lengths.count {
      let run = lengths[index...].prefix { $0 == lengths[index] }.count
      if dice.once(in: 200) {
        let repeated = 16 + dice.below(3)
        put(code, repeated)
        put(dice.below(128), repeated == 16 ? 2 : repeated == 17 ? 3 : 7)
      }
      if lengths[index] == 0, run >= 11, dice.below(3) > 0 {
        put(code, 18)
        put(min(run, 138) - 11, 7)
        index += min(run, 138)
      } else if lengths[index] == 0, run >= 3, dice.below(3) > 0 {
        put(code, 17)
        put(min(run, 10) - 3, 3)
        index += min(run, 10)
      } else if index > 0, lengths[index] == lengths[index - 1], run >= 3, dice.below(3) > 0 {
        put(code, 16)
        put(min(run, 6) - 3, 2)
        index += min(run, 6)
      } else {
        put(code, lengths[index])
        index += 1
      }
    }
  }

  private mutating func put(_ code: HuffmanCode, _ symbol: Int) {
    guard code.lengths.indices.contains(symbol) else { return }
    put(code.reversed[symbol], code.lengths[symbol])
  }

  /// Literals and matches of about `count` bytes, and the end of the block.
  private mutating func tokens(
    _ count: Int, literals: HuffmanCode, distances: HuffmanCode, _ dice: inout Dice
  ) {
    var left = count
    while left > 0 {
      if dice.once(in: 400) { return }
      let hasMatch = literals.lengths.count > 257 && dice.once(in: 4)
      let symbol = hasMatch ? 257 + dice.below(min(literals.lengths.count - 257, 31)) : Self.literal(&dice)
      guard literals.lengths[symbol] > 0 else {
        // A symbol without a code: any that has one.
        guard literals.lengths[0] > 0 else { break }
        put(literals, 0)
        left -= 1
        outputCount += 1
        continue
      }
      put(literals, symbol)
      guard symbol > 256 else {
        left -= 1
        outputCount += 1
        continue
      }
      let extra = symbol < 265 || symbol >= 285 ? 0 : (symbol - 261) / 4
      let bits = dice.below(1 << extra)
      put(bits, extra)
      let length =
        symbol < 265 ? symbol - 254 : symbol == 285 ? 258 : (4 + (symbol - 261) % 4) << extra + 3 + bits
      left -= length
      outputCount += length
      let reach =
        dice.once(in: 60)
        ? 30 : max(1, min(30, 2 * (outputCount.bitWidth - outputCount.leadingZeroBitCount) - 4))
      let distance = dice.below(min(distances.lengths.count, reach))
      put(distances, distance)
      put(dice.once(in: 8) ? Int(dice.bits() & 0xFFFF) : 0, distance < 4 ? 0 : min(distance / 2 - 1, 13))
    }
    put(literals, 256)
  }
}

/// A canonical Huffman code by the lengths of its symbols.
struct HuffmanCode {
  let lengths: [Int]
  /// The code of each symbol, its first bit the lowest.
  let reversed: [Int]

  init(_ lengths: [Int]) {
    self.lengths = lengths
    var counts = [Int](repeating: 0, count: 17)
    for length in lengths where length > 0 { counts[length] += 1 }
    var next = [Int](repeating: 0, count: 17)
    for length in 1..<16 { next[length + 1] = (next[length] + counts[length]) << 1 }
    reversed = lengths.map { length in
      guard length > 0 else { return 0 }
      let code = next[length]
      next[length] += 1
      return (0..<length).reduce(0) { $0 << 1 | code >> $1 & 1 }
    }
  }

  /// Lengths of a complete code for some of `symbols` symbols, `must` among them.
  static func lengths(symbols: Int, must: [Int], limit: Int = 15, _ dice: inout Dice) -> [Int] {
    var chosen = Array(Set(must.filter { $0 < symbols })).sorted()
    for symbol in 0..<symbols where !chosen.contains(symbol) && dice.once(in: 6) { chosen.append(symbol) }
    var depths = [0]
    while depths.count < chosen.count {
      let place = dice.below(depths.count)
      guard depths[place] < limit else { continue }
      depths[place] += 1
      depths.append(depths[place])
    }
    var lengths = [Int](repeating: 0, count: symbols)
    for (symbol, depth) in zip(chosen, depths) { lengths[symbol] = max(depth, 1) }
    return lengths
  }
}
