import FixresBase

/// A decoded picture in 8-bit RGB, in grey or with alpha.
public struct Picture: Sendable {
  /// Width in pixels.
  public let width: Int
  /// Height in pixels.
  public let height: Int
  /// `[height, width, 4]`: R, G, B and opacity, which is undefined unless decoded as RGBA; a grey level is there thrice.
  package let pixels: PixelBuffer

  /// A picture of `width` x `height` pixels, uninitialised.
  package init(uninitializedWidth width: Int, height: Int) throws(ImageError) {
    guard width > 0, height > 0, let byteCount = Int.byteCount(width, height, 4) else {
      throw .outOfMemory(byteCount: .max)
    }
    self.width = width
    self.height = height
    pixels = try PixelBuffer(byteCount: byteCount)
  }

  /// A picture from a copy of the bytes `[height, width, 3]`; nil where their count differs.
  public init?(width: Int, height: Int, rgb: [UInt8]) {
    guard width > 0, height > 0, Int.byteCount(width, height, 3) == rgb.count,
      let picture = try? Picture(uninitializedWidth: width, height: height)
    else { return nil }
    let target = picture.pixels.base
    for pixel in 0..<width * height {
      target[4 * pixel] = rgb[3 * pixel]
      target[4 * pixel + 1] = rgb[3 * pixel + 1]
      target[4 * pixel + 2] = rgb[3 * pixel + 2]
      target[4 * pixel + 3] = 255
    }
    self = picture
  }

  /// A picture of this size and opacity with the colours `[height, width, 3]`; nil where their count differs.
  package func recolored(_ rgb: [UInt8]) -> Picture? {
    guard let picture = Picture(width: width, height: height, rgb: rgb) else { return nil }
    for pixel in 0..<width &* height {
      picture.pixels.base[4 &* pixel &+ 3] = pixels.base[4 &* pixel &+ 3]
    }
    return picture
  }

  /// Bytes from a row to the next.
  package var bytesPerRow: Int { width * 4 }

  /// The pixels as bytes `[height, width, 3]`, a copy.
  public var rgb: [UInt8] {
    [UInt8](unsafeUninitializedCapacity: width * height * 3) { target, count in
      if let base = target.baseAddress { copy(.rgb, to: base) }
      count = width * height * 3
    }
  }

  /// Writes the bytes `[height, width, channels]` to `target`.
  package func copy(_ mode: ColorMode, to target: UnsafeMutablePointer<UInt8>) {
    let source = pixels.base
    let channels = mode.channelCount
    for pixel in 0..<width &* height {
      for channel in 0..<channels { target[channels &* pixel &+ channel] = source[4 &* pixel &+ channel] }
    }
  }
}

extension Int {
  /// The product of `factors`; nil where it overflows or a factor is negative.
  static func byteCount(_ factors: Int...) -> Int? {
    var product = 1
    for factor in factors {
      let (next, overflow) = product.multipliedReportingOverflow(by: factor)
      guard !overflow, factor >= 0 else { return nil }
      product = next
    }
    return product
  }
}
