import FixresBase
import FixresIR

/// Decodes, resizes, crops and normalises pictures for a network input of one size; the pixels equal Pillow's and
/// torchvision's byte for byte, the input bit for bit.
public struct Preprocessor: Sendable {
  /// The resize and crop rule, mean and standard deviation.
  public let description: Preprocessing
  /// Height and width of the network's input.
  public let size: Extent
  /// Whether the EXIF orientation is applied after decoding (Pillow and torchvision do not apply it).
  public var appliesOrientation: Bool
  /// Limits of decoding.
  public var limits: DecodingLimits
  /// Colour of the padding where the resized picture is smaller than the crop.
  private let fill: SIMD4<UInt8>
  /// `[3, 256]`: the input value of each 8-bit level.
  private let levels: [Float]

  /// The preprocessing that `description` describes for an input of `size`.
  ///
  /// - Throws: `preprocessing` where a value of the description or the size is out of range.
  public init(
    _ description: Preprocessing, size: Extent, appliesOrientation: Bool = false,
    limits: DecodingLimits = DecodingLimits()
  ) throws(ImageError) {
    try Self.check(description, size)
    self.description = description
    self.size = size
    self.appliesOrientation = appliesOrientation
    self.limits = limits
    levels = (0..<3 * 256).map { index in
      let share = Float(index & 255) / 255
      return (share - description.mean[index >> 8]) / description.standardDeviation[index >> 8]
    }
    fill = description.resizeRule == .longerSide ? Self.meanColour(description) : [0, 0, 0, 255]
  }

  /// The pixels of the network's input: `bytes` decoded, resized and cropped.
  ///
  /// - Throws: `ImageError` of decoding or of the geometry.
  public func picture(from bytes: Bytes) throws(ImageError) -> Picture {
    try picture(from: read(bytes).picture)
  }

  /// The whole decoded picture, EXIF orientation applied where `appliesOrientation` is set, and its header as stored.
  ///
  /// - Throws: `ImageError` of decoding.
  package func read(_ bytes: Bytes) throws(ImageError) -> DecodedPicture {
    let decoded = try PictureDecoder.read(bytes, limits: limits)
    guard appliesOrientation else { return decoded }
    return DecodedPicture(
      header: decoded.header, picture: try decoded.picture.oriented(decoded.header.orientation))
  }

  /// `decoded`, resized and cropped.
  ///
  /// - Throws: `preprocessing` where the resized picture is too large, `outOfMemory`.
  public func picture(from decoded: Picture) throws(ImageError) -> Picture {
    let source = Extent(decoded.height, decoded.width)
    return try picture(from: decoded, PictureGeometry(description, source: source, crop: size))
  }

  /// `decoded`, resized and cropped `shift` columns off the centre; the argument of `shift` is the number of columns
  /// available on either side.
  package func picture(from decoded: Picture, shift: (Int) -> Int) throws(ImageError) -> Picture {
    let source = Extent(decoded.height, decoded.width)
    let geometry = try PictureGeometry(description, source: source, crop: size)
    return try picture(from: decoded, geometry.shifted(by: shift(max(geometry.left, 0))))
  }

  private func picture(
    from decoded: Picture, _ geometry: PictureGeometry
  ) throws(ImageError) -> Picture {
    let visible = try Resampler.resize(
      decoded, to: geometry.resized, window: geometry.visible,
      interpolation: description.interpolation)
    if visible.width == size.width, visible.height == size.height { return visible }
    return try visible.padded(
      to: size, top: max(-geometry.top, 0), left: max(-geometry.left, 0), fill: fill)
  }

  /// The input `[3, H, W]` of `picture`: `(u8 / 255 - mean) / standardDeviation`, each step rounded to float32.
  public func input(from picture: Picture) -> [Float] {
    [Float](unsafeUninitializedCapacity: 3 * picture.width * picture.height) { target, count in
      if let base = target.baseAddress { write(picture, to: base) }
      count = 3 * picture.width * picture.height
    }
  }

  /// Writes the input `[3, H, W]` to `target`.
  package func write(_ picture: Picture, to target: UnsafeMutablePointer<Float>) {
    let plane = picture.width * picture.height
    let source = picture.pixels.base
    levels.withUnsafeBufferPointer { levels in
      for pixel in 0..<plane {
        target[pixel] = levels[Int(source[4 &* pixel])]
        target[plane &+ pixel] = levels[256 &+ Int(source[4 &* pixel &+ 1])]
        target[2 &* plane &+ pixel] = levels[512 &+ Int(source[4 &* pixel &+ 2])]
      }
    }
  }

  private static func check(_ description: Preprocessing, _ size: Extent) throws(ImageError) {
    guard (1...PictureGeometry.maximumSide).contains(size.height),
      (1...PictureGeometry.maximumSide).contains(size.width)
    else {
      throw .preprocessing(
        expected: "an input of 1 to \(PictureGeometry.maximumSide) pixels a side",
        found: "\(size.height)x\(size.width)")
    }
    guard description.cropShare >= 1e-3, description.cropShare <= 1 else {
      throw .preprocessing(
        expected: "a crop share above 0 and at most 1", found: "\(description.cropShare)")
    }
    guard description.mean.count == 3, description.standardDeviation.count == 3,
      description.mean.allSatisfy(\.isFinite),
      description.standardDeviation.allSatisfy({ $0.isFinite && $0 != 0 })
    else {
      throw .preprocessing(
        expected: "three finite means and three finite standard deviations other than 0",
        found: "\(description.mean) and \(description.standardDeviation)")
    }
  }

  private static func meanColour(_ description: Preprocessing) -> SIMD4<UInt8> {
    let level = description.mean.map { mean in
      UInt8(min(max((Double(mean) * 255).rounded(.toNearestOrEven), 0), 255))
    }
    return [level[0], level[1], level[2], 255]
  }
}
