/// A Huffman table of a JPEG (ITU-T T.81, Annex C) with a look-up that decodes a code and the value bits after it in
/// one step.
final class HuffmanTable: @unchecked Sendable {
  // Sendable because nothing is written after `init`.

  /// Bits of the index into `lookup`.
  static let lookupBits = 10

  /// `[1 << lookupBits]`, indexed by the next bits of the stream:
  /// ```
  /// 31            16 15   12 11    8 7        0
  /// |  coefficient  |  size |  run  |  length |
  /// ```
  /// Where code and value bits fit `lookupBits`, `length` counts both and `coefficient` is the signed value (`size`
  /// 0); else `length` counts the code alone and `size` value bits follow. `length` 0: a longer code.
  let lookup: UnsafeMutablePointer<UInt32>
  /// `[17]`: for each code length, the smallest 16-bit prefix of the stream beyond all codes of up to that length.
  private let limits: UnsafeMutablePointer<UInt32>
  /// `[17]`: for each code length, the index of its first symbol minus its first code.
  private let offsets: UnsafeMutablePointer<Int>
  private let symbols: [UInt8]

  /// The canonical code with `counts[i]` codes of length `i + 1`; nil where the counts are no prefix code or use a
  /// code of ones alone, which T.81 reserves.
  ///
  /// - Parameters:
  ///   - counts: `[16]`, number of codes of each length.
  ///   - symbols: the symbols in the order of their codes.
  init?(counts: [UInt8], symbols: [UInt8]) {
    guard counts.count == 16, symbols.count <= 256,
      counts.reduce(0, { $0 + Int($1) }) == symbols.count
    else { return nil }
    lookup = .allocate(capacity: 1 << Self.lookupBits)
    lookup.initialize(repeating: 0, count: 1 << Self.lookupBits)
    limits = .allocate(capacity: 17)
    limits.initialize(repeating: 0, count: 17)
    offsets = .allocate(capacity: 17)
    offsets.initialize(repeating: 0, count: 17)
    self.symbols = symbols
    var code = 0
    var index = 0
    for length in 1...16 {
      let count = Int(counts[length - 1])
      offsets[length] = index - code
      for _ in 0..<count {
        if length <= Self.lookupBits, code < 1 << length { enter(symbols[index], code, length) }
        code += 1
        index += 1
      }
      guard count == 0 || code < 1 << length else { return nil }
      limits[length] = UInt32(min(code, 1 << length) << (16 - length))
      code <<= 1
    }
  }

  deinit {
    lookup.deallocate()
    limits.deallocate()
    offsets.deallocate()
  }

  /// True where every symbol is a category of DC differences, 0...15.
  var holdsCategories: Bool { symbols.allSatisfy { $0 <= 15 } }

  private func enter(_ symbol: UInt8, _ code: Int, _ length: Int) {
    let run = UInt32(symbol >> 4)
    let size = Int(symbol & 15)
    let free = Self.lookupBits - length
    for rest in 0..<1 << free {
      var entry = UInt32(length) | run << 8 | UInt32(size) << 12
      if size > 0, size <= free {
        let bits = rest >> (free - size)
        let value = bits < 1 << (size - 1) ? bits - (1 << size) + 1 : bits
        entry = UInt32(length + size) | run << 8 | UInt32(truncatingIfNeeded: value) << 16
      }
      lookup[code << free | rest] = entry
    }
  }

  /// The entry of 17 bits that are no code: a symbol 0.
  private static let noCode: UInt32 = 17

  /// The entry of a code longer than `lookupBits`, from the stream's next 16 bits; `noCode` where they are none.
  func longEntry(_ next: UInt32) -> UInt32 {
    for length in Self.lookupBits + 1...16 where next < limits[length] {
      let index = Int(next >> UInt32(16 - length)) + offsets[length]
      guard symbols.indices.contains(index) else { return Self.noCode }
      let symbol = symbols[index]
      return UInt32(length) | UInt32(symbol >> 4) << 8 | UInt32(symbol & 15) << 12
    }
    return Self.noCode
  }
}

extension HuffmanTable {
  /// Tables 0 and 1 of a sequential file that defines none (T.81, K.3: luminance, chrominance), as in motion JPEG.
  static let standards: (dc: [HuffmanTable?], ac: [HuffmanTable?]) = (
    dc: [
      HuffmanTable(counts: [0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0], symbols: Array(0...11)),
      HuffmanTable(counts: [0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0], symbols: Array(0...11)), nil,
      nil,
    ],
    ac: [
      HuffmanTable(counts: luminanceACCounts, symbols: luminanceACSymbols),
      HuffmanTable(counts: chrominanceACCounts, symbols: chrominanceACSymbols), nil, nil,
    ]
  )

  private static let luminanceACCounts: [UInt8] = [0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 0x7D]
  private static let chrominanceACCounts: [UInt8] = [0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 0x77]

  private static let luminanceACSymbols: [UInt8] = [
    0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51, 0x61, 0x07, 0x22,
    0x71, 0x14, 0x32, 0x81, 0x91, 0xA1, 0x08, 0x23, 0x42, 0xB1, 0xC1, 0x15, 0x52, 0xD1, 0xF0, 0x24, 0x33,
    0x62, 0x72, 0x82, 0x09, 0x0A, 0x16, 0x17, 0x18, 0x19, 0x1A, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2A, 0x34,
    0x35, 0x36, 0x37, 0x38, 0x39, 0x3A, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4A, 0x53, 0x54, 0x55,
    0x56, 0x57, 0x58, 0x59, 0x5A, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6A, 0x73, 0x74, 0x75, 0x76,
    0x77, 0x78, 0x79, 0x7A, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x92, 0x93, 0x94, 0x95, 0x96,
    0x97, 0x98, 0x99, 0x9A, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7, 0xA8, 0xA9, 0xAA, 0xB2, 0xB3, 0xB4, 0xB5,
    0xB6, 0xB7, 0xB8, 0xB9, 0xBA, 0xC2, 0xC3, 0xC4, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9, 0xCA, 0xD2, 0xD3, 0xD4,
    0xD5, 0xD6, 0xD7, 0xD8, 0xD9, 0xDA, 0xE1, 0xE2, 0xE3, 0xE4, 0xE5, 0xE6, 0xE7, 0xE8, 0xE9, 0xEA, 0xF1,
    0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0xF8, 0xF9, 0xFA,
  ]

  private static let chrominanceACSymbols: [UInt8] = [
    0x00, 0x01, 0x02, 0x03, 0x11, 0x04, 0x05, 0x21, 0x31, 0x06, 0x12, 0x41, 0x51, 0x07, 0x61, 0x71, 0x13,
    0x22, 0x32, 0x81, 0x08, 0x14, 0x42, 0x91, 0xA1, 0xB1, 0xC1, 0x09, 0x23, 0x33, 0x52, 0xF0, 0x15, 0x62,
    0x72, 0xD1, 0x0A, 0x16, 0x24, 0x34, 0xE1, 0x25, 0xF1, 0x17, 0x18, 0x19, 0x1A, 0x26, 0x27, 0x28, 0x29,
    0x2A, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3A, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4A, 0x53, 0x54,
    0x55, 0x56, 0x57, 0x58, 0x59, 0x5A, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6A, 0x73, 0x74, 0x75,
    0x76, 0x77, 0x78, 0x79, 0x7A, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x92, 0x93, 0x94,
    0x95, 0x96, 0x97, 0x98, 0x99, 0x9A, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7, 0xA8, 0xA9, 0xAA, 0xB2, 0xB3,
    0xB4, 0xB5, 0xB6, 0xB7, 0xB8, 0xB9, 0xBA, 0xC2, 0xC3, 0xC4, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9, 0xCA, 0xD2,
    0xD3, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8, 0xD9, 0xDA, 0xE2, 0xE3, 0xE4, 0xE5, 0xE6, 0xE7, 0xE8, 0xE9, 0xEA,
    0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0xF8, 0xF9, 0xFA,
  ]
}
