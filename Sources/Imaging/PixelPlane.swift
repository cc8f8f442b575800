#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Pixels in memory of somebody else, rows at equal distances.
package struct PixelPlane {
  /// The bytes of a pixel.
  package enum Order: Sendable, CaseIterable {
    case rgba, bgra, rgb, grey

    /// Bytes of a pixel.
    package var byteCount: Int {
      switch self {
      case .rgba, .bgra: 4
      case .rgb: 3
      case .grey: 1
      }
    }
  }

  private let base: UnsafeRawPointer
  private let order: Order
  private let width: Int
  private let height: Int
  private let bytesPerRow: Int

  /// `width` x `height` pixels from `base` on, rows `bytesPerRow` bytes apart.
  package init(base: UnsafeRawPointer, order: Order, width: Int, height: Int, bytesPerRow: Int) {
    (self.base, self.order) = (base, order)
    (self.width, self.height, self.bytesPerRow) = (width, height, bytesPerRow)
  }

  /// A copy in the channels of `mode`.
  ///
  /// - Throws: `pixelBuffer` where the numbers describe no picture, `tooManyPixels`, `outOfMemory`.
  package func picture(_ mode: ColorMode, limits: DecodingLimits) throws(ImageError) -> Picture {
    guard width > 0, height > 0 else {
      throw .inputMemory(expected: "a width and a height of at least 1", found: "\(width)x\(height)")
    }
    try limits.check(width: width, height: height)
    guard bytesPerRow >= width * order.byteCount, Int.byteCount(bytesPerRow, height) != nil else {
      throw .inputMemory(
        expected: "rows at least \(width * order.byteCount) bytes apart", found: "\(bytesPerRow) bytes")
    }
    let picture = try Picture(uninitializedWidth: width, height: height)
    for row in 0..<height {
      let source = (base + row &* bytesPerRow).assumingMemoryBound(to: UInt8.self)
      copy(source, to: picture.pixels.base + row &* picture.bytesPerRow)
    }
    return mode == .grey && order != .grey ? picture.grey() : picture
  }

  private func copy(_ source: UnsafePointer<UInt8>, to target: UnsafeMutablePointer<UInt8>) {
    switch order {
    case .rgba: memcpy(target, source, 4 &* width)
    case .bgra:
      for pixel in 0..<width {
        let (from, to) = (source + 4 &* pixel, target + 4 &* pixel)
        (to[0], to[1], to[2], to[3]) = (from[2], from[1], from[0], from[3])
      }
    case .rgb:
      for pixel in 0..<width {
        let (from, to) = (source + 3 &* pixel, target + 4 &* pixel)
        (to[0], to[1], to[2], to[3]) = (from[0], from[1], from[2], 255)
      }
    case .grey:
      for pixel in 0..<width {
        let to = target + 4 &* pixel
        (to[0], to[1], to[2], to[3]) = (source[pixel], source[pixel], source[pixel], 255)
      }
    }
  }
}

extension PixelPlane {
  /// The pixels of `picture`, which must outlive the plane.
  package init(_ picture: Picture) {
    self.init(
      base: UnsafeRawPointer(picture.pixels.base), order: .rgba, width: picture.width, height: picture.height,
      bytesPerRow: picture.bytesPerRow)
  }
}
