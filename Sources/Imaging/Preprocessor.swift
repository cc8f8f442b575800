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
  /// The channels of the input.
  public let mode: ColorMode
  /// Colour of the padding where the resized picture is smaller than the crop.
  private let fill: SIMD4<UInt8>
  /// For each channel of the input, the byte of a pixel that it shows.
  private let order: [Int]
  /// `[channels, 256]`: the input value of each 8-bit level.
  private let levels: [Float]

  /// The preprocessing that `description` describes for an input of `size`.
  ///
  /// - Throws: `preprocessing` where a value of the description or the size is out of range.
  public init(
    _ description: Preprocessing, size: Extent, appliesOrientation: Bool = false,
    limits: DecodingLimits = DecodingLimits()
  ) throws(ImageError) {
    mode = try Self.check(description, size)
    self.description = description
    self.size = size
    self.appliesOrientation = appliesOrientation
    self.limits = limits
    let isScaled = description.inputScale == .unit
    levels = (0..<mode.channelCount * 256).map { index in
      let level = isScaled ? Float(index & 255) / 255 : Float(index & 255)
      return (level - description.mean[index >> 8]) / description.standardDeviation[index >> 8]
    }
    order = Array((description.channelOrder == .bgr ? [2, 1, 0, 3] : [0, 1, 2, 3])[..<mode.channelCount])
    fill = Self.padding(description, mode, order)
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
    let decoded = try PictureDecoder.read(bytes, limits: limits, mode: mode)
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
    let visible = try resized(decoded, geometry)
    if visible.width == size.width, visible.height == size.height { return visible }
    return try visible.padded(
      to: size, top: max(-geometry.top, 0), left: max(-geometry.left, 0), fill: fill)
  }

  /// The part of the resized picture inside the crop; where there is alpha, colours are weighted by it.
  private func resized(_ decoded: Picture, _ geometry: PictureGeometry) throws(ImageError) -> Picture {
    let isUnchanged = geometry.resized == Extent(decoded.height, decoded.width)
    guard mode == .rgba, !isUnchanged, description.interpolation != .nearest else {
      return try Resampler.resize(
        decoded, to: geometry.resized, window: geometry.visible, interpolation: description.interpolation)
    }
    return try Resampler.resize(
      try decoded.premultiplied(), to: geometry.resized, window: geometry.visible,
      interpolation: description.interpolation
    ).unpremultiplied()
  }

  /// The input `[C, H, W]` of `picture`: `(u8 / 255 - mean) / standardDeviation` or, on the scale of bytes,
  /// `(u8 - mean) / standardDeviation`, each step rounded to float32.
  public func input(from picture: Picture) -> [Float] {
    let count = mode.channelCount * picture.width * picture.height
    return [Float](unsafeUninitializedCapacity: count) { target, initialized in
      if let base = target.baseAddress { write(picture, to: base) }
      initialized = count
    }
  }

  /// Writes the input `[C, H, W]` to `target`.
  package func write(_ picture: Picture, to target: UnsafeMutablePointer<Float>) {
    let plane = picture.width * picture.height
    let source = picture.pixels.base
    levels.withUnsafeBufferPointer { levels in
      guard order.count == 3 else {
        for (channel, byte) in order.enumerated() {
          for pixel in 0..<plane {
            target[channel &* plane &+ pixel] = levels[256 &* channel &+ Int(source[4 &* pixel &+ byte])]
          }
        }
        return
      }
      let (first, third) = (order[0], order[2])
      for pixel in 0..<plane {
        target[pixel] = levels[Int(source[4 &* pixel &+ first])]
        target[plane &+ pixel] = levels[256 &+ Int(source[4 &* pixel &+ 1])]
        target[2 &* plane &+ pixel] = levels[512 &+ Int(source[4 &* pixel &+ third])]
      }
    }
  }

  /// Checks the ranges of all numbers; gives the channels that the description is of.
  private static func check(
    _ description: Preprocessing, _ size: Extent
  ) throws(ImageError) -> ColorMode {
    guard (1...PictureGeometry.maximumSide).contains(size.height),
      (1...PictureGeometry.maximumSide).contains(size.width)
    else {
      throw .preprocessing(
        expected: "an input of 1 to \(PictureGeometry.maximumSide) pixels a side",
        found: "\(size.height)x\(size.width)")
    }
    for share in [description.cropShare, description.testCrop?.share ?? 1]
    where !(share >= 1e-3 && share <= 1) {
      throw .preprocessing(expected: "a crop share above 0 and at most 1", found: "\(share)")
    }
    guard let mode = ColorMode(channelCount: description.mean.count),
      description.standardDeviation.count == description.mean.count,
      description.mean.allSatisfy(\.isFinite),
      description.standardDeviation.allSatisfy({ $0.isFinite && $0 != 0 })
    else {
      throw .preprocessing(
        expected: "finite means of 1, 3 or 4 channels and as many finite standard deviations other than 0",
        found: "\(description.mean) and \(description.standardDeviation)")
    }
    return mode
  }

  /// Black, without opacity where there is alpha; the mean colour where the longer side is resized (timm `border`).
  private static func padding(
    _ description: Preprocessing, _ mode: ColorMode, _ order: [Int]
  ) -> SIMD4<UInt8> {
    var fill = SIMD4<UInt8>(0, 0, 0, mode == .rgba ? 0 : 255)
    guard description.resizeRule == .longerSide else { return fill }
    let scale: Double = description.inputScale == .unit ? 255 : 1
    for (mean, byte) in zip(description.mean, order) {
      fill[byte] = UInt8(min(max((Double(mean) * scale).rounded(.toNearestOrEven), 0), 255))
    }
    if mode == .grey { (fill[1], fill[2]) = (fill[0], fill[0]) }
    return fill
  }
}
