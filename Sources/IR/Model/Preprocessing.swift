/// How a picture becomes the network's input of side K; part of the model, since accuracy depends on it.
///
/// ```
/// picture --channels, resize--> K_img --crop--> K --x inputScale / 255--> [0, inputScale] --(x - mean) / std--> input
/// ```
/// K_img is the size to which a picture is resized before the crop of K (`resizeSides`).
public struct Preprocessing: Hashable, Sendable {
  /// How a picture is scaled before the centre crop.
  public enum ResizeRule: String, Hashable, Sendable, CaseIterable {
    /// Shorter side K_img, aspect kept (torchvision).
    case shorterSide = "shorter-side"
    /// Height K_img, aspect kept (the evaluation code of Touvron et al.).
    case height
    /// Both sides K_img, aspect changed (timm `squash`).
    case squash
    /// Longer side K_img, padded with the mean colour (timm `border`).
    case longerSide = "longer-side"
    /// Not scaled; the crop is taken from the picture itself.
    case unscaled = "none"
    /// Neither scaled nor cropped: a picture has the size of the input.
    case exact
  }

  /// Resampling filters as Pillow defines them.
  public enum Interpolation: String, Hashable, Sendable, CaseIterable {
    /// Nearest neighbour.
    case nearest
    /// Mean of the pixels covered.
    case box
    /// Triangle filter.
    case bilinear
    /// Raised-cosine window of a sinc, support 1.
    case hamming
    /// Cubic convolution with a = -0.5 (Keys 1981).
    case bicubic
    /// Sinc windowed by a sinc, support 3.
    case lanczos
  }

  /// How the margin before a centre crop is rounded where it is not a whole number of pixels.
  public enum CropRounding: String, Hashable, Sendable, CaseIterable {
    /// To the nearest, half to even (torchvision, timm).
    case halfToEven = "half-to-even"
    /// Down (Hugging Face's image processors).
    case down
  }

  /// Order of the colours in the input.
  public enum ChannelOrder: String, Hashable, Sendable, CaseIterable {
    /// Red first.
    case rgb
    /// Blue first (Caffe, OpenCV).
    case bgr
  }

  /// What the brightest level, 255, becomes before the mean is subtracted.
  public enum InputScale: Int, Hashable, Sendable, CaseIterable {
    /// 1: values in 0...1.
    case unit = 1
    /// 255: values in 0...255.
    case byte = 255
  }

  /// The size of a crop beside that of the picture it is taken from.
  public enum CropRatio: Hashable, Sendable {
    /// K / K_img, in (0, 1].
    case share(Double)
    /// K_img is `resized` where K is `crop`, and in proportion where K is another: 232 for 224.
    case sides(crop: Int, resized: Int)
  }

  /// A size at which another share is cropped (timm's `test_input_size` and `test_crop_pct`).
  public struct TestCrop: Hashable, Sendable {
    /// The crop's size.
    public var size: Extent
    /// K / K_img at that size, in (0, 1].
    public var share: Double

    /// A crop of `share` at `size`.
    public init(size: Extent, share: Double) {
      (self.size, self.share) = (size, share)
    }
  }

  /// How a picture is scaled before the crop.
  public var resizeRule: ResizeRule
  /// The resampling filter.
  public var interpolation: Interpolation
  /// The crop beside the resized picture, at every size but that of `testCrop`.
  public var cropRatio: CropRatio
  /// A size with a share of its own; nil for none.
  public var testCrop: TestCrop?
  /// How the crop's margin is rounded.
  public var cropRounding: CropRounding
  /// Smallest K from which pictures are resized to K x K without a crop; nil for none (Hugging Face: 384).
  public var squashFrom: Int?
  /// Order of the colours in the input.
  public var channelOrder: ChannelOrder
  /// Scale of the values before the mean is subtracted.
  public var inputScale: InputScale
  /// Mean of each channel of the input, in the input's order and on its scale: 1 (grey), 3 or 4 (with alpha) values.
  public var mean: [Float]
  /// Standard deviation of each channel, likewise.
  public var standardDeviation: [Float]

  /// ImageNet's preprocessing with the given changes.
  public init(
    resizeRule: ResizeRule = .shorterSide, interpolation: Interpolation = .bilinear,
    cropShare: Double = 0.875, squashFrom: Int? = nil, mean: [Float] = [0.485, 0.456, 0.406],
    standardDeviation: [Float] = [0.229, 0.224, 0.225]
  ) {
    self.resizeRule = resizeRule
    self.interpolation = interpolation
    cropRatio = .share(cropShare)
    cropRounding = .halfToEven
    self.squashFrom = squashFrom
    channelOrder = .rgb
    inputScale = .unit
    self.mean = mean
    self.standardDeviation = standardDeviation
  }

  /// ImageNet's preprocessing: shorter side to K 256/224, bilinear, centre crop.
  public static let imageNet = Preprocessing()

  /// ImageNet's mean and standard deviation for inputs of `channels` channels on the scale 0...1: grey takes the means
  /// over the colours, alpha is left as it is.
  public static func imageNetNormalization(channels: Int) -> (mean: [Float], standardDeviation: [Float]) {
    switch channels {
    case 1: ([0.449], [0.226])
    case 4: (imageNet.mean + [0], imageNet.standardDeviation + [1])
    default: (imageNet.mean, imageNet.standardDeviation)
    }
  }

  /// Channels of the input: 1 (grey), 3, or 4 (with alpha).
  public var channelCount: Int { mean.count }

  /// K / K_img; setting it states the share of every size.
  public var cropShare: Double {
    get {
      switch cropRatio {
      case .share(let share): share
      case .sides(let crop, let resized): Double(crop) / Double(max(resized, 1))
      }
    }
    set {
      cropRatio = .share(newValue)
      testCrop = nil
    }
  }

  /// K_img of each side for a crop of `size`: `floor(side / share)`, at least the side.
  public func resizeSides(for size: Extent) -> Extent {
    let ratio = testCrop.flatMap { $0.size == size ? CropRatio.share($0.share) : nil } ?? cropRatio
    return Extent(Self.resizeSide(for: size.height, ratio), Self.resizeSide(for: size.width, ratio))
  }

  /// K_img for a square crop of `side`.
  public func resizeSide(for side: Int) -> Int { resizeSides(for: Extent(square: side)).height }

  private static func resizeSide(for side: Int, _ ratio: CropRatio) -> Int {
    switch ratio {
    case .share(let share): max(side, Int((Double(side) / share).rounded(.down)))
    case .sides(let crop, let resized): max(side, side * resized / max(crop, 1))
    }
  }
}
