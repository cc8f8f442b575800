/// How a picture becomes the network's input of side K; part of the model, since accuracy depends on it.
///
/// K_img is the size to which a picture is resized before the crop of K (`resizeSide`).
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

  /// How a picture is scaled before the crop.
  public var resizeRule: ResizeRule
  /// The resampling filter.
  public var interpolation: Interpolation
  /// K / K_img, in (0, 1]; 0.875 is 224 of 256.
  public var cropShare: Double
  /// Smallest K from which pictures are resized to K x K without a crop; nil for none (Hugging Face: 384).
  public var squashFrom: Int?
  /// Mean of R, G, B on the scale 0...1.
  public var mean: [Float]
  /// Standard deviation of R, G, B on the scale 0...1.
  public var standardDeviation: [Float]

  /// ImageNet's preprocessing with the given changes.
  public init(
    resizeRule: ResizeRule = .shorterSide, interpolation: Interpolation = .bilinear,
    cropShare: Double = 0.875, squashFrom: Int? = nil, mean: [Float] = [0.485, 0.456, 0.406],
    standardDeviation: [Float] = [0.229, 0.224, 0.225]
  ) {
    self.resizeRule = resizeRule
    self.interpolation = interpolation
    self.cropShare = cropShare
    self.squashFrom = squashFrom
    self.mean = mean
    self.standardDeviation = standardDeviation
  }

  /// ImageNet's preprocessing: shorter side to K 256/224, bilinear, centre crop.
  public static let imageNet = Preprocessing()

  /// K_img for a crop of `side`: `floor(side / cropShare)`, at least `side`.
  public func resizeSide(for side: Int) -> Int {
    max(side, Int((Double(side) / cropShare).rounded(.down)))
  }
}
