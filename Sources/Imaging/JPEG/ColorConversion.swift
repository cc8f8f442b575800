/// JPEG's colour spaces to R, G, B and an undefined byte, in the fixed-point arithmetic of libjpeg-turbo
/// (`jdcolor.c`: 16 fraction bits) and Pillow (`Convert.c`).
///
/// ```
/// R = Y + 1.40200 Cr                  Cb, Cr: sample - 128
/// G = Y - 0.34414 Cb - 0.71414 Cr     constants rounded to 2^-16, products rounded at the half
/// B = Y + 1.77200 Cb
/// ```
///
/// The constants exceed 16 bits, so whole parts are added apart: 1.402 x = x + 0.402 x.
enum ColorConversion {
  /// Rows of samples; up to 7 samples after the picture's width are read.
  struct Rows {
    let first: UnsafeRawPointer
    let second: UnsafeRawPointer
    let third: UnsafeRawPointer
    let fourth: UnsafeRawPointer
  }

  /// Y, Cb, Cr to RGB.
  static func luminanceChrominance(_ rows: Rows, to target: UnsafeMutableRawPointer, width: Int) {
    var x = 0
    while x < width {
      let (r, g, b) = convert(rows, x)
      store(r, g, b, to: target + 4 &* x)
      x &+= 8
    }
  }

  /// Y, Cb, Cr, K to RGB: YCCK to CMYK, then Pillow's CMYK to RGB.
  static func luminanceChrominanceBlack(_ rows: Rows, to target: UnsafeMutableRawPointer, width: Int) {
    var x = 0
    while x < width {
      let (r, g, b) = convert(rows, x)
      let full = Words(repeating: 255)
      // libjpeg outputs C, M, Y as 255 - R, G, B, and Pillow inverts the inks of an Adobe file once more.
      let inks = (full &- Shuffles.clip(r), full &- Shuffles.clip(g), full &- Shuffles.clip(b))
      apply(black: widened(rows.fourth, x), inks, to: target + 4 &* x)
      x &+= 8
    }
  }

  /// C, M, Y, K to RGB, stored inverted as Adobe does.
  static func inks(_ rows: Rows, to target: UnsafeMutableRawPointer, width: Int) {
    var x = 0
    while x < width {
      let inks = (widened(rows.first, x), widened(rows.second, x), widened(rows.third, x))
      apply(black: widened(rows.fourth, x), inks, to: target + 4 &* x)
      x &+= 8
    }
  }

  /// R, G, B, or a grey level given three times.
  static func plain(_ rows: Rows, to target: UnsafeMutableRawPointer, width: Int) {
    var x = 0
    while x < width {
      store(widened(rows.first, x), widened(rows.second, x), widened(rows.third, x), to: target + 4 &* x)
      x &+= 8
    }
  }

  @inline(__always) private static func widened(_ row: UnsafeRawPointer, _ x: Int) -> Words {
    Shuffles.widen((row + x).loadUnaligned(as: SIMD8<UInt8>.self))
  }

  @inline(__always) private static func convert(_ rows: Rows, _ x: Int) -> (Words, Words, Words) {
    let y = widened(rows.first, x)
    let blue = widened(rows.second, x) &- 128
    let red = widened(rows.third, x) &- 128
    // 91881 = 65536 + 26345; 116130 = 2 * 65536 - 14942; -46802 = -65536 + 18734.
    let r = y &+ red &+ round(Shuffles.multiplyHigh(red &+ red, 26345))
    let b = y &+ blue &+ blue &+ round(Shuffles.multiplyHigh(blue &+ blue, -14942))
    let constants = Words(-22554, 18734, -22554, 18734, -22554, 18734, -22554, 18734)
    let half = Longs(repeating: 32768)
    let low = Shuffles.multiplyAddPairs(Shuffles.interleaveLow(blue, red), constants) &+ half
    let high = Shuffles.multiplyAddPairs(Shuffles.interleaveHigh(blue, red), constants) &+ half
    let g = y &- red &+ Shuffles.narrow(low &>> 16, high &>> 16)
    return (r, g, b)
  }

  /// `(a b + 2^15) >> 16` from the upper 16 bits of `2 a b`.
  @inline(__always) private static func round(_ doubled: Words) -> Words { (doubled &+ 1) &>> 1 }

  @inline(__always) private static func store(
    _ r: Words, _ g: Words, _ b: Words, to target: UnsafeMutableRawPointer
  ) {
    let redGreen = Shuffles.clip(r) | (Shuffles.clip(g) &<< 8)
    let blueRest = Shuffles.clip(b) | Words(repeating: -256)
    target.storeBytes(of: Shuffles.interleaveLow(redGreen, blueRest), as: Words.self)
    target.storeBytes(of: Shuffles.interleaveHigh(redGreen, blueRest), toByteOffset: 16, as: Words.self)
  }

  /// Pillow's CMYK to RGB of inverted inks, `k - (255 - ink) k / 255` for each of C, M, Y and the stored black k.
  @inline(__always) private static func apply(
    black: Words, _ inks: (c: Words, m: Words, y: Words), to target: UnsafeMutableRawPointer
  ) {
    let full = Words(repeating: 255)
    store(
      black &- divided(full &- inks.c, black), black &- divided(full &- inks.m, black),
      black &- divided(full &- inks.y, black), to: target)
  }

  /// `a b / 255` rounded to the nearest, for a and b in 0...255.
  @inline(__always) private static func divided(_ a: Words, _ b: Words) -> Words {
    let product =
      unsafeBitCast(a, to: SIMD8<UInt16>.self) &* unsafeBitCast(b, to: SIMD8<UInt16>.self)
      &+ SIMD8<UInt16>(repeating: 128)
    return unsafeBitCast(((product &>> 8) &+ product) &>> 8, to: Words.self)
  }
}
