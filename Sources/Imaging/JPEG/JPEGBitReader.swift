/// Reads bits of entropy-coded data, most significant first; at a marker or the end of the file it delivers zeros, as
/// libjpeg does.
struct JPEGBitReader {
  /// The next bits, left-aligned.
  private(set) var buffer: UInt64 = 0
  /// Bits in `buffer`, padding included.
  private(set) var count = 0
  /// Zero bits appended to `buffer` after the end of the data.
  private var paddingCount = 0
  /// The next byte to read.
  private(set) var next: UnsafePointer<UInt8>
  private let end: UnsafePointer<UInt8>
  /// The first 0xFF that more than one fill byte follow before its stuffed 0.
  private(set) var filledByte: UnsafePointer<UInt8>?

  init(_ start: UnsafePointer<UInt8>, end: UnsafePointer<UInt8>) {
    next = start
    self.end = end
  }

  /// True where the file ended before a marker.
  private(set) var isAtEnd = false

  /// True when padding has been consumed.
  var isOverrun: Bool { paddingCount > count }

  /// Makes at least 48 bits available.
  @inline(__always) mutating func refill() {
    if end - next >= 8 {
      let word = UInt64(
        bigEndian: UnsafeRawPointer(next).loadUnaligned(as: UInt64.self))
      // The usual test for a zero byte, on the complement: true where no byte is 0xFF.
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
      guard next < end else {
        isAtEnd = true
        return appendPadding()
      }
      let byte = next[0]
      if byte == 0xFF {
        // Any number of 0xFF before the stuffed 0 are one byte of data.
        var follower = next + 1
        while follower < end, follower[0] == 0xFF { follower += 1 }
        if follower == end { isAtEnd = true }
        guard follower < end, follower[0] == 0 else { return appendPadding() }
        if follower - next > 1, filledByte == nil { filledByte = next }
        next = follower + 1
      } else {
        next += 1
      }
      buffer |= UInt64(byte) &<< UInt64(truncatingIfNeeded: 56 &- count)
      count &+= 8
    }
  }

  private mutating func appendPadding() {
    let added = (64 - count) & ~7
    paddingCount += added
    count += added
  }

  /// Refills where fewer than `bits` are available.
  @inline(__always) mutating func refillIfBelow(_ bits: Int) {
    if count < bits { refill() }
  }

  /// Drops the next `bits`.
  @inline(__always) mutating func consume(_ bits: Int) {
    buffer = buffer &<< UInt64(truncatingIfNeeded: bits)
    count &-= bits
  }

  /// Consumes the next `bits` (1...16), which must be available.
  @inline(__always) mutating func take(_ bits: Int) -> Int32 {
    let value = Int32(truncatingIfNeeded: buffer &>> UInt64(truncatingIfNeeded: 64 &- bits))
    consume(bits)
    return value
  }

  /// Consumes `bits` (1...15) value bits and gives the signed value that they encode (T.81, F.2.2.1, EXTEND).
  @inline(__always) mutating func takeSigned(_ bits: Int) -> Int32 {
    let isNegative = Int32(truncatingIfNeeded: ~(Int64(bitPattern: buffer) &>> 63))
    let value = take(bits)
    return value &+ (isNegative & ((-1 &<< Int32(truncatingIfNeeded: bits)) &+ 1))
  }

  /// The entry of the next symbol (`HuffmanTable.lookup`), not consumed; where the bits are no code that of a symbol 0 of
  /// 17 bits, as libjpeg reads them.
  @inline(__always) func peek(_ table: HuffmanPointer) -> UInt32 {
    let entry = table.lookup[Int(truncatingIfNeeded: buffer &>> UInt64(64 - HuffmanTable.lookupBits))]
    return entry & 0xFF == 0
      ? table.table.longEntry(UInt32(truncatingIfNeeded: buffer &>> 48)) : entry
  }

  /// Consumes the next symbol and gives its entry.
  @inline(__always) mutating func entry(_ table: HuffmanPointer) -> UInt32 {
    let entry = peek(table)
    consume(Int(entry & 0xFF))
    return entry
  }

  /// Drops the rest of the last byte and the padding, before a marker is read.
  mutating func align() {
    buffer = 0
    count = 0
    paddingCount = 0
  }

  /// Continues at `position` with an empty buffer.
  mutating func restart(at position: UnsafePointer<UInt8>) {
    align()
    next = position
  }
}

/// A table and its look-up, fetched once a scan; the decoder keeps the table alive during the scan.
struct HuffmanPointer {
  let lookup: UnsafeMutablePointer<UInt32>
  unowned(unsafe) let table: HuffmanTable

  init(_ table: HuffmanTable) {
    lookup = table.lookup
    self.table = table
  }
}
