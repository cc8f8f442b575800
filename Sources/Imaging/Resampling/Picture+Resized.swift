import FixresIR

extension Picture {
  /// The picture resized to `size`; every byte equals that of Pillow's `Image.resize` on RGB.
  ///
  /// - Throws: `preprocessing` for a side below 1 or above 2^27, `outOfMemory`.
  public func resized(
    to size: Extent, interpolation: Preprocessing.Interpolation = .bilinear
  ) throws(ImageError) -> Picture {
    guard size.isValidPictureSize else {
      throw .preprocessing(expected: "a size of 1 to \(Extent.maximumPictureSide)", found: "\(size)")
    }
    return try Resampler.resize(
      self, to: size, window: PixelWindow(rows: 0..<size.height, columns: 0..<size.width),
      interpolation: interpolation)
  }
}
