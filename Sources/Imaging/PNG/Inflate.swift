import FixresBase

/// Why a zlib stream could not be decompressed.
enum InflateError: Error, Hashable {
  /// The stream ends at input byte `offset` inside its data.
  case truncated(offset: Int)
  case malformed(offset: Int, expected: String, found: String)
  case checksum(expected: UInt32, found: UInt32)
}

/// Decompresses zlib streams (RFC 1950, RFC 1951) into a buffer of known size, never writing beyond it.
struct Inflater {
  /// Most output bytes for an input byte: a length of 258 for a code of two bits.
  static let maximumExpansion = 1032

  private let source: UnsafePointer<UInt8>
  private let sourceCount: Int
  private var next = 0
  private var buffer: UInt64 = 0
  private var count = 0
  private let target: UnsafeMutablePointer<UInt8>
  private let targetCount: Int
  private var written = 0

  /// Fills `target` from the stream, whose data must be exactly `count` bytes.
  static func inflate(
    _ source: UnsafeRawBufferPointer, into target: UnsafeMutablePointer<UInt8>, count: Int
  ) throws(InflateError) {
    guard let start = source.baseAddress else { throw .truncated(offset: 0) }
    var inflater = Inflater(
      source: start.assumingMemoryBound(to: UInt8.self), sourceCount: source.count, target: target,
      targetCount: count)
    try inflater.run()
  }

  private init(
    source: UnsafePointer<UInt8>, sourceCount: Int, target: UnsafeMutablePointer<UInt8>, targetCount: Int
  ) {
    self.source = source
    self.sourceCount = sourceCount
    self.target = target
    self.targetCount = targetCount
  }

  private func malformed(_ expected: String, _ found: String) -> InflateError {
    .malformed(offset: next - count / 8, expected: expected, found: found)
  }

  private mutating func run() throws(InflateError) {
    guard sourceCount >= 2 else { throw .truncated(offset: sourceCount) }
    let header = Int(source[0]) << 8 | Int(source[1])
    guard source[0] & 15 == 8, source[0] >> 4 <= 7, header % 31 == 0, source[1] & 0x20 == 0 else {
      throw .malformed(offset: 0, expected: "a zlib header without dictionary", found: "\(header)")
    }
    next = 2
    var isLast = false
    while !isLast {
      isLast = try bits(1) == 1
      switch try bits(2) {
      case 0: try copyStored()
      case 1: try expand(Self.fixedLiterals, Self.fixedDistances)
      case 2:
        let (literals, distances) = try readTables()
        try expand(literals, distances)
      default: throw malformed("a block of kind 0, 1 or 2", "3")
      }
    }
    guard written == targetCount else { throw malformed("\(targetCount) bytes of data", "\(written)") }
    try checkSum()
  }

  /// Makes at least 48 bits available, or all that are left.
  @inline(__always) private mutating func refill() {
    if sourceCount - next >= 8 {
      let word = UInt64(littleEndian: UnsafeRawPointer(source + next).loadUnaligned(as: UInt64.self))
      buffer |= word &<< UInt64(truncatingIfNeeded: count)
      let byteCount = (63 &- count) &>> 3
      next &+= byteCount
      count &+= byteCount &* 8
    } else {
      while count <= 56, next < sourceCount {
        buffer |= UInt64(source[next]) &<< UInt64(truncatingIfNeeded: count)
        next += 1
        count += 8
      }
    }
  }

  @inline(__always) private mutating func consume(_ bits: Int) {
    buffer = buffer &>> UInt64(truncatingIfNeeded: bits)
    count &-= bits
  }

  private mutating func bits(_ wanted: Int) throws(InflateError) -> Int {
    if count < wanted { refill() }
    guard count >= wanted else { throw .truncated(offset: sourceCount) }
    let value = Int(buffer & ((1 << UInt64(wanted)) - 1))
    consume(wanted)
    return value
  }

  private mutating func copyStored() throws(InflateError) {
    consume(count & 7)
    let length = try bits(16)
    let complement = try bits(16)
    guard length == complement ^ 0xFFFF else { throw malformed("a length and its complement", "others") }
    next -= count / 8
    buffer = 0
    count = 0
    guard sourceCount - next >= length else { throw .truncated(offset: sourceCount) }
    guard targetCount - written >= length else { throw malformed("\(targetCount) bytes of data", "more") }
    (target + written).update(from: source + next, count: length)
    written += length
    next += length
  }

  private mutating func checkSum() throws(InflateError) {
    consume(count & 7)
    var stored: UInt32 = 0
    for _ in 0..<4 { stored = stored << 8 | UInt32(try bits(8)) }
    let found = Adler32.checksum(UnsafeRawBufferPointer(start: target, count: written))
    guard stored == found else { throw .checksum(expected: stored, found: found) }
  }

  /// Decodes the symbols of a block.
  private mutating func expand(_ literals: DeflateCode, _ distances: DeflateCode) throws(InflateError) {
    while true {
      refill()
      let symbol = try decode(literals)
      if symbol < 256 {
        guard written < targetCount else { throw malformed("\(targetCount) bytes of data", "more") }
        target[written] = UInt8(truncatingIfNeeded: symbol)
        written &+= 1
        continue
      }
      if symbol == 256 { return }
      guard symbol < 286 else { throw malformed("a length symbol", "\(symbol)") }
      let lengthCode = DeflateCode.lengths[symbol - 257]
      let length = Int(lengthCode.base) + (try bits(Int(lengthCode.extraBits)))
      refill()
      let distanceSymbol = try decode(distances)
      guard distanceSymbol < 30 else { throw malformed("a distance symbol", "\(distanceSymbol)") }
      let distanceCode = DeflateCode.distances[distanceSymbol]
      let distance = Int(distanceCode.base) + (try bits(Int(distanceCode.extraBits)))
      guard distance <= written else { throw malformed("a distance of at most \(written)", "\(distance)") }
      guard length <= targetCount - written else { throw malformed("\(targetCount) bytes of data", "more") }
      repeatBytes(length, distance)
    }
  }

  @inline(__always) private mutating func repeatBytes(_ length: Int, _ distance: Int) {
    let to = target + written
    let from = to - distance
    if distance >= length {
      to.update(from: from, count: length)
    } else if distance == 1 {
      to.update(repeating: from[0], count: length)
    } else {
      for index in 0..<length { to[index] = from[index] }
    }
    written &+= length
  }

  @inline(__always) private mutating func decode(_ code: DeflateCode) throws(InflateError) -> Int {
    let entry = code.lookup[Int(buffer & UInt64((1 << DeflateCode.lookupBits) - 1))]
    let length = Int(entry & 15)
    if length != 0, length <= count {
      consume(length)
      return Int(entry >> 4)
    }
    return try decodeLong(code)
  }

  private mutating func decodeLong(_ code: DeflateCode) throws(InflateError) -> Int {
    var value = 0
    var first = 0
    var index = 0
    for length in 1...15 {
      guard length <= count else { throw .truncated(offset: sourceCount) }
      value |= Int(truncatingIfNeeded: buffer >> UInt64(length - 1)) & 1
      let codes = Int(code.counts[length])
      if value - codes < first {
        consume(length)
        return Int(code.symbols[index + value - first])
      }
      index += codes
      first = (first + codes) << 1
      value <<= 1
    }
    throw malformed("a code of the table", "other bits")
  }

  private mutating func readTables() throws(InflateError) -> (DeflateCode, DeflateCode) {
    let literalCount = try bits(5) + 257
    let distanceCount = try bits(5) + 1
    let lengthCount = try bits(4) + 4
    guard literalCount <= 286, distanceCount <= 30 else {
      throw malformed("at most 286 literal and 30 distance codes", "\(literalCount) and \(distanceCount)")
    }
    let order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]
    var lengths = [UInt8](repeating: 0, count: 19)
    for index in 0..<lengthCount { lengths[order[index]] = UInt8(try bits(3)) }
    guard let meta = DeflateCode(lengths[...], mayBeIncomplete: false) else {
      throw malformed("lengths of a complete prefix code", "others")
    }
    lengths = []
    let total = literalCount + distanceCount
    while lengths.count < total {
      refill()
      let symbol = try decode(meta)
      if symbol < 16 {
        lengths.append(UInt8(symbol))
        continue
      }
      guard symbol != 16 || !lengths.isEmpty else { throw malformed("a length to repeat", "none") }
      let value = symbol == 16 ? lengths[lengths.count - 1] : 0
      let times: Int
      switch symbol {
      case 16: times = 3 + (try bits(2))
      case 17: times = 3 + (try bits(3))
      default: times = 11 + (try bits(7))
      }
      guard times <= total - lengths.count else { throw malformed("\(total) code lengths", "more") }
      lengths += [UInt8](repeating: value, count: times)
    }
    guard lengths[256] != 0,
      let literals = DeflateCode(lengths[..<literalCount], mayBeIncomplete: false),
      let distances = DeflateCode(lengths[literalCount...], mayBeIncomplete: true)
    else { throw malformed("lengths of a prefix code with an end symbol", "others") }
    return (literals, distances)
  }

  private static let fixedLiterals = DeflateCode.fixed(
    [UInt8](repeating: 8, count: 144) + [UInt8](repeating: 9, count: 112) + [UInt8](repeating: 7, count: 24)
      + [UInt8](repeating: 8, count: 8))
  private static let fixedDistances = DeflateCode.fixed([UInt8](repeating: 5, count: 32))
}
