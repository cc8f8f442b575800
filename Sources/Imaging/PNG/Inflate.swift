import FixresBase

/// Why a zlib stream could not be decompressed.
enum InflateError: Error, Hashable {
  /// The stream ends at input byte `offset` inside its data.
  case truncated(offset: Int)
  case malformed(offset: Int, expected: String, found: String)
  case checksum(expected: UInt32, found: UInt32)
}

/// Decompresses zlib streams (RFC 1950, RFC 1951) into a buffer of known size, never writing beyond it.
///
/// The stream may hold more data than the buffer. Once that is full, decoding goes on as zlib's `inflate` does until it would
/// need room: within the piece of input that filled it, an error or a wrong checksum is still an error.
struct Inflater {
  /// Most output bytes for an input byte: a length of 258 for a code of two bits.
  static let maximumExpansion = 1032

  private let source: UnsafePointer<UInt8>
  /// End of the input that may be read.
  private var sourceCount: Int
  private var next = 0
  private var buffer: UInt64 = 0
  private var count = 0
  private let target: UnsafeMutablePointer<UInt8>
  private let targetCount: Int
  private var written = 0

  /// Fills `target` with the first `count` bytes of the stream's data; `pieces` are the ends of the pieces in which the
  /// input is read.
  static func inflate(
    _ source: UnsafeRawBufferPointer, pieces: [Int], into target: UnsafeMutablePointer<UInt8>, count: Int
  ) throws(InflateError) {
    guard let start = source.baseAddress else { throw .truncated(offset: 0) }
    var inflater = Inflater(
      source: start.assumingMemoryBound(to: UInt8.self), sourceCount: source.count, target: target,
      targetCount: count)
    do throws(InflateError) {
      if try inflater.run() { return }
      // All is written: what follows is decoded as far as the piece and the room go.
      inflater.limit(to: pieces)
      _ = try inflater.rest()
    } catch {
      // Input that ends behind the last byte of data is not missed.
      if case .truncated = error, inflater.written == count { return }
      throw error
    }
  }

  /// Drops the input behind the piece that holds the last bit consumed.
  private mutating func limit(to pieces: [Int]) {
    isLimited = true
    let consumed = next * 8 - count
    let end = pieces.first { $0 * 8 >= consumed } ?? sourceCount
    sourceCount = min(sourceCount, end)
    next = min(next, sourceCount)
    count = min(count, max(sourceCount * 8 - consumed, 0))
    buffer = count == 0 ? 0 : buffer & (UInt64.max >> UInt64(64 - count))
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

  /// What stopped the decoding of a block.
  private enum Stop {
    /// The block's end.
    case end
    /// The target is full.
    case full
  }

  /// Codes of the block that is being decoded; nil between blocks.
  private var codes: (literals: DeflateCode, distances: DeflateCode)?
  private var isLast = false
  /// True once the input behind the piece that filled the target is dropped.
  private var isLimited = false

  /// Decodes until the target is full or the stream ends; true where the whole stream was read and checked.
  private mutating func run() throws(InflateError) -> Bool {
    guard sourceCount >= 2 else { throw .truncated(offset: sourceCount) }
    let header = Int(source[0]) << 8 | Int(source[1])
    guard source[0] & 15 == 8, source[0] >> 4 <= 7, header % 31 == 0, source[1] & 0x20 == 0 else {
      throw .malformed(offset: 0, expected: "a zlib header without dictionary", found: "\(header)")
    }
    next = 2
    return try rest()
  }

  /// Decodes on; true where the whole stream was read and checked, false where the target is full.
  private mutating func rest() throws(InflateError) -> Bool {
    while true {
      if let codes {
        if try expand(codes.literals, codes.distances) == .full { return false }
        self.codes = nil
      }
      if written == targetCount, !isLimited { return false }
      if isLast { break }
      isLast = try bits(1) == 1
      switch try bits(2) {
      case 0: if try copyStored() == .full { return false }
      case 1: codes = (Self.fixedLiterals, Self.fixedDistances)
      case 2: codes = try readTables()
      default: throw malformed("a block of kind 0, 1 or 2", "3")
      }
    }
    guard written == targetCount else { throw .truncated(offset: sourceCount) }
    try checkSum()
    return true
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

  private mutating func copyStored() throws(InflateError) -> Stop {
    consume(count & 7)
    let length = try bits(16)
    let complement = try bits(16)
    guard length == complement ^ 0xFFFF else { throw malformed("a length and its complement", "others") }
    next -= count / 8
    buffer = 0
    count = 0
    let kept = min(length, targetCount - written)
    guard sourceCount - next >= kept else { throw .truncated(offset: sourceCount) }
    (target + written).update(from: source + next, count: kept)
    written += kept
    next += kept
    return kept < length ? .full : .end
  }

  private mutating func checkSum() throws(InflateError) {
    consume(count & 7)
    var stored: UInt32 = 0
    for _ in 0..<4 { stored = stored << 8 | UInt32(try bits(8)) }
    let found = Adler32.checksum(UnsafeRawBufferPointer(start: target, count: written))
    guard stored == found else { throw .checksum(expected: stored, found: found) }
  }

  /// Decodes the symbols of a block.
  private mutating func expand(
    _ literals: DeflateCode, _ distances: DeflateCode
  ) throws(InflateError) -> Stop {
    while true {
      refill()
      let symbol = try decode(literals)
      if symbol < 256 {
        guard written < targetCount else { return .full }
        target[written] = UInt8(truncatingIfNeeded: symbol)
        written &+= 1
        continue
      }
      if symbol == 256 { return .end }
      guard symbol < 286 else { throw malformed("a length symbol", "\(symbol)") }
      let lengthCode = DeflateCode.lengths[symbol - 257]
      let length = Int(lengthCode.base) + (try bits(Int(lengthCode.extraBits)))
      refill()
      let distanceSymbol = try decode(distances)
      guard distanceSymbol < 30 else { throw malformed("a distance symbol", "\(distanceSymbol)") }
      let distanceCode = DeflateCode.distances[distanceSymbol]
      let distance = Int(distanceCode.base) + (try bits(Int(distanceCode.extraBits)))
      guard distance <= written else { throw malformed("a distance of at most \(written)", "\(distance)") }
      guard length <= targetCount - written else {
        repeatBytes(targetCount - written, distance)
        return .full
      }
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
