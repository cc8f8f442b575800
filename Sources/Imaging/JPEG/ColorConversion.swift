/// JPEG's colour spaces to R, G, B and a byte without meaning, in libjpeg's and Pillow's fixed point.
enum ColorConversion {
  /// Rows of samples, eight of which may be read beyond the picture's width.
  struct Rows {
    let first: UnsafeRawPointer
    let second: UnsafeRawPointer
    let third: UnsafeRawPointer
    let fourth: UnsafeRawPointer
  }

  /// R = Y + 1.402 Cr, G = Y - 0.34414 Cb - 0.71414 Cr, B = Y + 1.772 Cb with 16 bits behind the point.
  static func luminanceChrominance(_ rows: Rows, to target: UnsafeMutableRawPointer, width: Int) {
    var x = 0
    while x < width {
      let (r, g, b) = convert(rows, x)
      store(r, g, b, to: target + 4 &* x)
      x &+= 8
    }
  }

  /// As `luminanceChrominance`, then the complement with the black channel applied.
  static func luminanceChrominanceBlack(_ rows: Rows, to target: UnsafeMutableRawPointer, width: Int) {
    var x = 0
    while x < width {
      let (r, g, b) = convert(rows, x)
      let full = Words(repeating: 255)
      // The CMY that libjpeg makes of YCC is the complement, and Pillow takes the complement of that again.
      apply(
        black: rows.fourth, x, full &- Lanes.clip(r), full &- Lanes.clip(g), full &- Lanes.clip(b),
        to: target + 4 &* x)
      x &+= 8
    }
  }

  /// C, M, Y, K as Adobe stores them (complemented).
  static func inks(_ rows: Rows, to target: UnsafeMutableRawPointer, width: Int) {
    var x = 0
    while x < width {
      apply(
        black: rows.fourth, x, widened(rows.first, x), widened(rows.second, x), widened(rows.third, x),
        to: target + 4 &* x)
      x &+= 8
    }
  }

  /// R, G, B or three times a grey level.
  static func plain(_ rows: Rows, to target: UnsafeMutableRawPointer, width: Int) {
    var x = 0
    while x < width {
      store(widened(rows.first, x), widened(rows.second, x), widened(rows.third, x), to: target + 4 &* x)
      x &+= 8
    }
  }

  @inline(__always) private static func widened(_ row: UnsafeRawPointer, _ x: Int) -> Words {
    Lanes.widen((row + x).loadUnaligned(as: SIMD8<UInt8>.self))
  }

  @inline(__always) private static func convert(_ rows: Rows, _ x: Int) -> (Words, Words, Words) {
    let y = widened(rows.first, x)
    let blue = widened(rows.second, x) &- 128
    let red = widened(rows.third, x) &- 128
    // 91881 = 65536 + 26345; 116130 = 2 * 65536 - 14942; -46802 = -65536 + 18734.
    let r = y &+ red &+ round(Lanes.multiplyHigh(red &+ red, 26345))
    let b = y &+ blue &+ blue &+ round(Lanes.multiplyHigh(blue &+ blue, -14942))
    let constants = Words(-22554, 18734, -22554, 18734, -22554, 18734, -22554, 18734)
    let half = Longs(repeating: 32768)
    let low = Lanes.multiplyAddPairs(Lanes.interleaveLow(blue, red), constants) &+ half
    let high = Lanes.multiplyAddPairs(Lanes.interleaveHigh(blue, red), constants) &+ half
    let g = y &- red &+ Lanes.narrow(low &>> 16, high &>> 16)
    return (r, g, b)
  }

  /// Half of a doubled product's upper 16 bits, rounded up at the half: (a b + 2^15) >> 16 in all.
  @inline(__always) private static func round(_ doubled: Words) -> Words { (doubled &+ 1) &>> 1 }

  @inline(__always) private static func store(
    _ r: Words, _ g: Words, _ b: Words, to target: UnsafeMutableRawPointer
  ) {
    let redGreen = Lanes.clip(r) | (Lanes.clip(g) &<< 8)
    let blueRest = Lanes.clip(b) | Words(repeating: -256)
    target.storeBytes(of: Lanes.interleaveLow(redGreen, blueRest), as: Words.self)
    target.storeBytes(of: Lanes.interleaveHigh(redGreen, blueRest), toByteOffset: 16, as: Words.self)
  }

  /// Pillow's CMYK to RGB of complemented inks: nk - c nk / 255, where nk is the stored black.
  @inline(__always) private static func apply(
    black row: UnsafeRawPointer, _ x: Int, _ c: Words, _ m: Words, _ y: Words,
    to target: UnsafeMutableRawPointer
  ) {
    let black = widened(row, x)
    let full = Words(repeating: 255)
    store(
      black &- divided(full &- c, black), black &- divided(full &- m, black),
      black &- divided(full &- y, black), to: target)
  }

  /// a b / 255, rounded, for a and b in 0...255.
  @inline(__always) private static func divided(_ a: Words, _ b: Words) -> Words {
    let product =
      unsafeBitCast(a, to: SIMD8<UInt16>.self) &* unsafeBitCast(b, to: SIMD8<UInt16>.self)
      &+ SIMD8<UInt16>(repeating: 128)
    return unsafeBitCast(((product &>> 8) &+ product) &>> 8, to: Words.self)
  }
}
