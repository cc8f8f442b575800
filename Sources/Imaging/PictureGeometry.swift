import FixresIR

/// Size of a resized picture and position of the crop in it.
package struct PictureGeometry: Hashable {
  /// Size of the whole picture after the resize.
  package let resized: Extent
  /// First row of the crop in the resized picture; negative where the crop begins in the padding.
  package let top: Int
  /// First column, likewise.
  package private(set) var left: Int
  /// Size of the crop, the network's input.
  package let crop: Extent

  /// Longest side of a crop.
  static let maximumSide = 1 << 16

  /// The resize and centre crop of `description` as torchvision and timm compute them.
  ///
  /// - Throws: `preprocessing` where a side of the resized picture would be below 1 or above 2^27.
  package init(_ description: Preprocessing, source: Extent, crop: Extent) throws(ImageError) {
    self.crop = crop
    resized = try Self.resizedSize(description, source: source, crop: crop)
    guard resized.isValidPictureSize else {
      throw .preprocessing(
        expected: "a picture of 1 to \(Extent.maximumPictureSide) pixels a side after the resize",
        found: "\(source.width)x\(source.height) becomes \(resized.width)x\(resized.height)")
    }
    top = Self.origin(of: crop.height, in: resized.height, description.cropRounding)
    left = Self.origin(of: crop.width, in: resized.width, description.cropRounding)
  }

  private static func resizedSize(
    _ description: Preprocessing, source: Extent, crop: Extent
  ) throws(ImageError) -> Extent {
    let (width, height) = (source.width, source.height)
    if let limit = description.squashFrom, min(crop.height, crop.width) >= limit { return crop }
    let target = description.resizeSides(for: crop)
    switch description.resizeRule {
    case .unscaled:
      return source
    case .exact:
      guard source == crop else {
        throw .preprocessing(
          expected: "a picture of the input's size, \(crop.width)x\(crop.height), as it is not resized",
          found: "\(source.width)x\(source.height)")
      }
      return source
    case .squash:
      return target
    case .height:
      return Extent(target.height, target.height * width / height)
    case .longerSide:
      return scaled(source, by: max(ratio(height, target.height), ratio(width, target.width)))
    case .shorterSide:
      if target.height != target.width {
        return scaled(source, by: min(ratio(height, target.height), ratio(width, target.width)))
      }
      let side = target.height
      return width <= height
        ? Extent(side * height / width, side) : Extent(side, side * width / height)
    }
  }

  private static func ratio(_ a: Int, _ b: Int) -> Double { Double(a) / Double(b) }

  /// timm's `ResizeKeepRatio`: each side divided by `ratio`, rounded half to even.
  private static func scaled(_ source: Extent, by ratio: Double) -> Extent {
    Extent(
      Int((Double(source.height) / ratio).rounded(.toNearestOrEven)),
      Int((Double(source.width) / ratio).rounded(.toNearestOrEven)))
  }

  /// Start of a centred `crop` in `size`: as torchvision's `center_crop` where the margin is rounded half to even, as
  /// Hugging Face's where it is rounded down.
  private static func origin(
    of crop: Int, in size: Int, _ rounding: Preprocessing.CropRounding
  ) -> Int {
    let margin = abs(size - crop)
    switch rounding {
    case .halfToEven:
      return crop > size ? -(margin / 2) : Int((Double(margin) / 2).rounded(.toNearestOrEven))
    case .down:
      // Of an odd padding the larger half comes first.
      return crop > size ? -((margin + 1) / 2) : margin / 2
    }
  }

  /// The crop moved by `columns`, clamped to the picture.
  func shifted(by columns: Int) -> PictureGeometry {
    guard crop.width < resized.width else { return self }
    var moved = self
    moved.left = min(max(left + columns, 0), resized.width - crop.width)
    return moved
  }

  /// The part of the resized picture inside the crop.
  var visible: PixelWindow {
    PixelWindow(
      rows: max(top, 0)..<min(top + crop.height, resized.height),
      columns: max(left, 0)..<min(left + crop.width, resized.width))
  }
}
