import FixresIR

/// Where the network's input lies in a resized picture.
package struct PictureGeometry: Hashable {
  /// Size of the whole picture after the resize.
  package let resized: Extent
  /// First row and column of the crop in the resized picture; negative where the crop starts in the padding.
  package let top: Int
  package private(set) var left: Int
  package let crop: Extent

  /// Longest side that a request may name.
  static let maximumSide = 1 << 16

  /// The resize and centre crop that `description` asks for, as torchvision and timm carry them out.
  package init(_ description: Preprocessing, source: Extent, crop: Extent) throws(ImageError) {
    self.crop = crop
    resized = try Self.resizedSize(description, source: source, crop: crop)
    guard resized.isValidPictureSize else {
      throw .preprocessing(
        expected: "a picture of 1 to \(Extent.maximumPictureSide) pixels a side after the resize",
        found: "\(source.width)x\(source.height) becomes \(resized.width)x\(resized.height)")
    }
    top = Self.origin(of: crop.height, in: resized.height)
    left = Self.origin(of: crop.width, in: resized.width)
  }

  private static func resizedSize(
    _ description: Preprocessing, source: Extent, crop: Extent
  ) throws(ImageError) -> Extent {
    let (width, height) = (source.width, source.height)
    if let limit = description.squashFrom, min(crop.height, crop.width) >= limit { return crop }
    let target = Extent(
      description.resizeSide(for: crop.height), description.resizeSide(for: crop.width))
    switch description.resizeRule {
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

  /// timm's rule for a kept aspect: each side divided by the ratio, rounded half to even.
  private static func scaled(_ source: Extent, by ratio: Double) -> Extent {
    Extent(
      Int((Double(source.height) / ratio).rounded(.toNearestOrEven)),
      Int((Double(source.width) / ratio).rounded(.toNearestOrEven)))
  }

  /// Centred start of `crop` in `size`: rounded half to even inside, rounded down in the padding.
  private static func origin(of crop: Int, in size: Int) -> Int {
    crop > size
      ? -((crop - size) / 2) : Int((Double(size - crop) / 2).rounded(.toNearestOrEven))
  }

  /// The same crop moved sideways, no further than the picture reaches.
  func shifted(by columns: Int) -> PictureGeometry {
    guard crop.width < resized.width else { return self }
    var moved = self
    moved.left = min(max(left + columns, 0), resized.width - crop.width)
    return moved
  }

  /// The part of the resized picture that the crop shows.
  var visible: PixelWindow {
    PixelWindow(
      rows: max(top, 0)..<min(top + crop.height, resized.height),
      columns: max(left, 0)..<min(left + crop.width, resized.width))
  }
}
