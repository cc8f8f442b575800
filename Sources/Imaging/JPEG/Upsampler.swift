/// Upsamples the rows of a component to the picture's size with libjpeg's triangle filter (`jdsample.c`, "fancy
/// upsampling"): each result is 3/4 of the nearer and 1/4 of the farther sample.
///
/// ```
/// samples            s0        s1        s2
/// picture         p0    p1  p2    p3  p4    p5
///
/// 2 : 1 along a row     p[2i]     = (3 s[i] + s[i - 1] + 1) >> 2     s[-1] = s[0], s[n] = s[n - 1]
///                       p[2i + 1] = (3 s[i] + s[i + 1] + 2) >> 2
/// 2 : 1 down a column   p = (3 near + far + 1) >> 2 in even rows, (3 near + far + 2) >> 2 in odd rows
/// both                  c = 3 near + far down the column, then
///                       p[2i]     = (3 c[i] + c[i - 1] + 8) >> 4
///                       p[2i + 1] = (3 c[i] + c[i + 1] + 7) >> 4
/// ```
/// The two rounding constants alternate so that the error has no bias. Other ratios, and components at most two
/// samples wide, repeat samples, as libjpeg does.
struct Upsampler {
  private enum Method {
    case none
    /// 2 : 1 along the row.
    case horizontal
    /// 2 : 1 down the column.
    case vertical
    /// 2 : 1 along both.
    case both
    /// Each sample repeated.
    case replicate(horizontal: Int, vertical: Int)
  }

  private let method: Method
  private let plane: UnsafeMutablePointer<UInt8>
  private let stride: Int
  private let width: Int
  private let height: Int
  /// The result, a row of the picture.
  private let row: PixelBuffer
  /// 16-bit samples or column sums `c` of a row, the end ones repeated.
  private let sums: PixelBuffer

  init(_ component: JPEGComponent, of frame: JPEGFrame, plane: PixelBuffer) throws(ImageError) {
    self.plane = plane.base
    stride = component.stride
    width = component.width
    height = component.height
    let horizontal = frame.maximumHorizontal / component.horizontal
    let vertical = frame.maximumVertical / component.vertical
    switch (horizontal, vertical) {
    case (1, 1): method = .none
    case (2, 1) where component.width > 2: method = .horizontal
    case (1, 2): method = .vertical
    case (2, 2) where component.width > 2: method = .both
    default: method = .replicate(horizontal: horizontal, vertical: vertical)
    }
    row = try PixelBuffer(byteCount: component.stride * horizontal + 16)
    sums = try PixelBuffer(byteCount: 2 * component.stride + 64)
  }

  /// Row `y` of the picture; valid until the next call.
  func row(_ y: Int) -> UnsafeMutablePointer<UInt8> {
    switch method {
    case .none:
      return plane + y * stride
    case .horizontal:
      let samples = UnsafeRawPointer(plane + y * stride)
      spread(expandingTo: width) { samples.loadUnaligned(fromByteOffset: $0, as: SIMD8<UInt8>.self) }
      smooth(rounding: 1, 2, shift: 2)
    case .vertical:
      let (near, far) = rows(y)
      let bias: Int16 = y & 1 == 0 ? 1 : 2
      var x = 0
      while x < width {
        let sum = Self.weigh(near, far, x) &+ Words(repeating: bias)
        store(Shuffles.clampToBytes(sum &>> 2), at: x)
        x += 8
      }
    case .both:
      let (near, far) = rows(y)
      let target = UnsafeMutableRawPointer(sums.base) + 16
      var x = 0
      while x < width {
        target.storeBytes(of: Self.weigh(near, far, x), toByteOffset: 2 &* x, as: Words.self)
        x += 8
      }
      smooth(rounding: 8, 7, shift: 4)
    case .replicate(let horizontal, let vertical):
      let samples = plane + y / vertical * stride
      for x in 0..<width {
        for copy in 0..<horizontal { row.base[x * horizontal + copy] = samples[x] }
      }
    }
    return row.base
  }

  /// The nearer and the farther row of samples for row `y` of the picture.
  private func rows(_ y: Int) -> (near: UnsafeRawPointer, far: UnsafeRawPointer) {
    let near = y / 2
    let far = min(max(y & 1 == 0 ? near - 1 : near + 1, 0), height - 1)
    return (UnsafeRawPointer(plane + near * stride), UnsafeRawPointer(plane + far * stride))
  }

  /// `3 near + far` for eight samples.
  @inline(__always) private static func weigh(
    _ near: UnsafeRawPointer, _ far: UnsafeRawPointer, _ x: Int
  ) -> Words {
    Shuffles.widen((near + x).loadUnaligned(as: SIMD8<UInt8>.self)) &* 3
      &+ Shuffles.widen((far + x).loadUnaligned(as: SIMD8<UInt8>.self))
  }

  private func store(_ bytes: SIMD8<UInt8>, at x: Int) {
    UnsafeMutableRawPointer(row.base).storeBytes(of: bytes, toByteOffset: x, as: SIMD8<UInt8>.self)
  }

  /// Fills `sums` with samples widened to 16 bits.
  @inline(__always) private func spread(
    expandingTo count: Int, _ samples: (Int) -> SIMD8<UInt8>
  ) {
    let target = UnsafeMutableRawPointer(sums.base) + 16
    var x = 0
    while x < count {
      target.storeBytes(of: Shuffles.widen(samples(x)), toByteOffset: 2 &* x, as: Words.self)
      x += 8
    }
  }

  /// Two results for each sum: `(3 c[i] + c[i - 1] + left) >> shift` and `(3 c[i] + c[i + 1] + right) >> shift`.
  @inline(__always) private func smooth(rounding left: Int16, _ right: Int16, shift: Int16) {
    let center = UnsafeMutableRawPointer(sums.base) + 16
    // With the ends repeated, the formula gives what libjpeg's special cases for them give.
    center.storeBytes(of: center.load(as: Int16.self), toByteOffset: -2, as: Int16.self)
    let end = center.load(fromByteOffset: 2 * (width - 1), as: Int16.self)
    center.storeBytes(of: end, toByteOffset: 2 * width, as: Int16.self)
    let target = UnsafeMutableRawPointer(row.base)
    var x = 0
    while x < width {
      let at = UnsafeRawPointer(center + 2 &* x)
      let sum = at.loadUnaligned(as: Words.self) &* 3
      let before = (at - 2).loadUnaligned(as: Words.self)
      let after = (at + 2).loadUnaligned(as: Words.self)
      let even = (sum &+ before &+ Words(repeating: left)) &>> shift
      let odd = (sum &+ after &+ Words(repeating: right)) &>> shift
      // Little-endian: the even sample is the lower byte.
      target.storeBytes(of: even | (odd &<< 8), toByteOffset: 2 &* x, as: Words.self)
      x += 8
    }
  }
}
