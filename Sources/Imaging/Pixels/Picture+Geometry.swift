import FixresIR

extension Picture {
  /// The picture on a canvas of `size` filled with `fill`, its first pixel at row `top`, column `left`.
  func padded(to size: Extent, top: Int, left: Int, fill: SIMD4<UInt8>) throws(ImageError) -> Picture {
    let target = try Picture(uninitializedWidth: size.width, height: size.height)
    UnsafeMutableRawPointer(target.pixels.base).bindMemory(
      to: SIMD4<UInt8>.self, capacity: size.width * size.height
    ).update(repeating: fill, count: size.width * size.height)
    for row in 0..<height {
      (target.pixels.base + (top + row) * target.bytesPerRow + left * 4).update(
        from: pixels.base + row * bytesPerRow, count: bytesPerRow)
    }
    return target
  }

  /// The picture rotated and mirrored as its EXIF orientation asks (tag 0x0112; 1...8, others change nothing).
  ///
  /// - Throws: `outOfMemory`.
  public func oriented(_ orientation: Int) throws(ImageError) -> Picture {
    guard (2...8).contains(orientation) else { return self }
    let swapsAxes = orientation >= 5
    let target = try Picture(
      uninitializedWidth: swapsAxes ? height : width, height: swapsAxes ? width : height)
    let flipsColumns = [2, 3, 7, 8].contains(orientation)
    let flipsRows = [3, 4, 6, 7].contains(orientation)
    let source = UnsafeRawPointer(pixels.base)
    let result = UnsafeMutableRawPointer(target.pixels.base)
    for y in 0..<target.height {
      for x in 0..<target.width {
        let (along, across) = swapsAxes ? (y, x) : (x, y)
        let column = flipsColumns ? width - 1 - along : along
        let row = flipsRows ? height - 1 - across : across
        let pixel = source.loadUnaligned(fromByteOffset: 4 * (row * width + column), as: UInt32.self)
        result.storeBytes(of: pixel, toByteOffset: 4 * (y * target.width + x), as: UInt32.self)
      }
    }
    return target
  }
}

extension Extent {
  /// Longest side of a resized picture; only the window that a crop shows is computed.
  static let maximumPictureSide = 1 << 27

  var isValidPictureSize: Bool {
    (1...Extent.maximumPictureSide).contains(height) && (1...Extent.maximumPictureSide).contains(width)
  }
}
