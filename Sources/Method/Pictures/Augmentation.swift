import FixresBase
import FixresIR
import FixresImaging
import FixresRuntime

/// How pictures are varied for fine-tuning: a fixed number of variants of each, so that features can be kept.
public struct Augmentation: Hashable, Sendable {
  /// A family of variants.
  public enum Kind: String, Hashable, Sendable, CaseIterable {
    /// The test transform itself.
    case none
    /// The test transform and its mirror image.
    case flip
    /// The authors' second transform: mirrored at random, colours slightly changed, the crop shifted sideways.
    case shift
  }

  /// The family of variants.
  public let kind: Kind
  /// Seed of what is drawn.
  public let seed: UInt64
  /// Number of variants of each picture.
  public let variantCount: Int

  /// The test transform alone.
  public static let none = Augmentation(.none)
  /// Variants of a picture under `shift`.
  package static let shiftVariants = 4
  /// Range of the colour changes, as a share.
  package static let jitter = 0.05

  /// The augmentation of `kind`, drawn from `seed`.
  public init(_ kind: Kind, seed: UInt64 = 0) {
    (self.kind, self.seed) = (kind, seed)
    variantCount =
      switch kind {
      case .none: 1
      case .flip: 2
      case .shift: Self.shiftVariants
      }
  }

  /// The pixels of variant `index % variantCount` of the picture in `decoded`.
  ///
  /// - Throws: `ImageError` where the picture can't be resized or memory is refused.
  package func picture(
    from decoded: Picture, _ preprocessor: Preprocessor, index: Int
  ) throws(ImageError) -> Picture {
    switch kind {
    case .none: return try preprocessor.picture(from: decoded)
    case .flip:
      let picture = try preprocessor.picture(from: decoded)
      return index % 2 == 0 ? picture : try picture.oriented(2)
    case .shift: return try shifted(decoded, preprocessor, index)
    }
  }

  /// `picture` for sample `index`; nil for `none`, which leaves the picture to the preprocessor.
  package func transform(of index: Int) -> PicturePass.Transform? {
    guard kind != .none else { return nil }
    return { (decoded, preprocessor) throws(ImageError) in
      try picture(from: decoded, preprocessor, index: index)
    }
  }

  private func shifted(
    _ decoded: Picture, _ preprocessor: Preprocessor, _ index: Int
  ) throws(ImageError) -> Picture {
    var random = SeededRandom(seed: seed &+ UInt64(index) &* 0x9E37_79B9_7F4A_7C15)
    // In the authors' order: resize, mirror, colours, crop. A mirrored crop of the mirrored shift is the same.
    let mirrored = random.nextDouble() < 0.5
    let draw = (magnitude: random.nextDouble(), sign: random.nextDouble() < 0.5 ? -1 : 1)
    let picture = try preprocessor.picture(from: decoded) { slack in
      Self.shift(slack: slack, magnitude: draw.magnitude, sign: draw.sign)
    }
    let turned = mirrored ? try picture.oriented(2) : picture
    return turned.jittered(amount: Self.jitter, using: &random)
  }

  /// A shift of up to `slack` pixels either way: its size uniform over 0...slack, its side by a coin.
  package static func shift(slack: Int, magnitude: Double, sign: Int) -> Int {
    guard slack > 0 else { return 0 }
    return min(Int(magnitude * Double(slack + 1)), slack) * sign
  }
}

extension Picture {
  /// Brightness, contrast and saturation changed by factors from `1 - amount` to `1 + amount`, in random order, each
  /// stored in 8 bits before the next.
  func jittered(amount: Double, using random: inout SeededRandom) -> Picture {
    var pixels = rgb
    var order = [0, 1, 2]
    order.shuffle(using: &random)
    for kind in order {
      let factor = Float(1 - amount + 2 * amount * random.nextDouble())
      switch kind {
      case 0: Self.blend(&pixels, factor) { _ in 0 }
      case 1:
        let mean = Self.meanGrey(pixels)
        Self.blend(&pixels, factor) { _ in mean }
      default:
        let source = pixels
        Self.blend(&pixels, factor) { Self.grey(source, $0) }
      }
    }
    return recolored(pixels) ?? self
  }

  /// ITU-R 601 luma in 16-bit fixed point, as Pillow's conversion to L.
  private static func grey(_ pixels: [UInt8], _ pixel: Int) -> Float {
    let (r, g, b) = (Int(pixels[3 * pixel]), Int(pixels[3 * pixel + 1]), Int(pixels[3 * pixel + 2]))
    return Float((19595 * r + 38470 * g + 7471 * b + 32768) >> 16)
  }

  private static func meanGrey(_ pixels: [UInt8]) -> Float {
    let count = pixels.count / 3
    var sum = 0
    for pixel in 0..<count { sum += Int(grey(pixels, pixel)) }
    return (Float(sum) / Float(max(count, 1)) + 0.5).rounded(.down)
  }

  /// ground + factor (value - ground) for each byte, cut to 0...255.
  private static func blend(_ pixels: inout [UInt8], _ factor: Float, _ ground: (Int) -> Float) {
    for pixel in 0..<pixels.count / 3 {
      let base = ground(pixel)
      for index in 3 * pixel..<3 * pixel + 3 {
        let value = base + factor * (Float(pixels[index]) - base)
        pixels[index] = UInt8(min(max(value, 0), 255))
      }
    }
  }
}
