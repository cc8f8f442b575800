/// Bits of entropy-coded data, most significant first; stops in front of a marker and then gives zeros.
struct JPEGBitReader {
  /// The next bits, left-aligned.
  private(set) var buffer: UInt64 = 0
  /// Bits in `buffer`, those made up behind the data's end included.
  private(set) var count = 0
  /// Bits made up behind the data's end.
  private var madeUp = 0
  private(set) var next: UnsafePointer<UInt8>
  private let end: UnsafePointer<UInt8>

  init(_ start: UnsafePointer<UInt8>, end: UnsafePointer<UInt8>) {
    next = start
    self.end = end
  }

  /// True when more bits were consumed than the data held.
  var isOverrun: Bool { madeUp > count }

  /// Makes at least 48 bits available.
  @inline(__always) mutating func refill() {
    if end - next >= 8 {
      let word = UInt64(
        bigEndian: UnsafeRawPointer(next).loadUnaligned(as: UInt64.self))
      let inverted = ~word
      if (inverted &- 0x0101_0101_0101_0101) & word & 0x8080_8080_8080_8080 == 0 {
        buffer |= word &>> UInt64(truncatingIfNeeded: count)
        let byteCount = (63 &- count) &>> 3
        next += byteCount
        count &+= byteCount &* 8
        return
      }
    }
    refillSlowly()
  }

  private mutating func refillSlowly() {
    while count <= 56 {
      guard next < end else { return makeUp() }
      let byte = next[0]
      if byte == 0xFF {
        guard end - next >= 2, next[1] == 0 else { return makeUp() }
        next += 2
      } else {
        next += 1
      }
      buffer |= UInt64(byte) &<< UInt64(truncatingIfNeeded: 56 &- count)
      count &+= 8
    }
  }

  private mutating func makeUp() {
    let added = (64 - count) & ~7
    madeUp += added
    count += added
  }

  @inline(__always) mutating func refillIfBelow(_ bits: Int) {
    if count < bits { refill() }
  }

  @inline(__always) mutating func consume(_ bits: Int) {
    buffer = buffer &<< UInt64(truncatingIfNeeded: bits)
    count &-= bits
  }

  /// The next `bits` (1...16) of those at hand, consumed.
  @inline(__always) mutating func take(_ bits: Int) -> Int32 {
    let value = Int32(truncatingIfNeeded: buffer &>> UInt64(truncatingIfNeeded: 64 &- bits))
    consume(bits)
    return value
  }

  /// The signed value that `bits` (1...15) value bits stand for, consumed.
  @inline(__always) mutating func takeSigned(_ bits: Int) -> Int32 {
    let isNegative = Int32(truncatingIfNeeded: ~(Int64(bitPattern: buffer) &>> 63))
    let value = take(bits)
    return value &+ (isNegative & ((-1 &<< Int32(truncatingIfNeeded: bits)) &+ 1))
  }

  /// The look-up entry of the next symbol, its `length` consumed; 0 where the bits are no code.
  @inline(__always) mutating func entry(_ table: HuffmanPointer) -> UInt32 {
    var entry = table.lookup[Int(truncatingIfNeeded: buffer &>> UInt64(64 - HuffmanTable.lookupBits))]
    if entry & 0xFF == 0 {
      entry = table.table.longEntry(UInt32(truncatingIfNeeded: buffer &>> 48))
    }
    consume(Int(entry & 0xFF))
    return entry
  }

  /// Forgets what is left of the last byte, and everything made up, before a marker is read.
  mutating func align() {
    buffer = 0
    count = 0
    madeUp = 0
  }

  /// Moves on to `position`, with nothing buffered.
  mutating func restart(at position: UnsafePointer<UInt8>) {
    align()
    next = position
  }
}

/// A table and its look-up, taken once before a scan; the table outlives the scan.
struct HuffmanPointer {
  let lookup: UnsafeMutablePointer<UInt32>
  unowned(unsafe) let table: HuffmanTable

  init(_ table: HuffmanTable) {
    lookup = table.lookup
    self.table = table
  }
}
