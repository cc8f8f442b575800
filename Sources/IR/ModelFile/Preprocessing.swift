/// How a picture becomes the network's input at a given size; part of the model, since weights and pixels belong
/// together.
public struct Preprocessing: Hashable, Sendable {
  /// How a picture is scaled before the centre crop.
  public enum ResizeRule: String, Hashable, Sendable, CaseIterable {
    /// The shorter side becomes K_img, the aspect is kept (torchvision).
    case shorterSide = "shorter-side"
    /// The height becomes K_img, the aspect is kept (the authors' evaluation code).
    case height
    /// Both sides become K_img, the aspect is lost (timm's `squash`).
    case squash
    /// The longer side becomes K_img, the rest is filled with the mean (timm's `border`).
    case longerSide = "longer-side"
  }

  /// Resampling filters as Pillow defines them.
  public enum Interpolation: String, Hashable, Sendable, CaseIterable {
    case nearest, box, bilinear, hamming, bicubic, lanczos
  }

  public var resizeRule: ResizeRule
  public var interpolation: Interpolation
  /// K_test / K_img, in (0, 1]: K_img = floor(K / cropShare). 0.875 is the usual 224 of 256.
  public var cropShare: Double
  /// At this K and above, squash to K without a crop (Hugging Face: 384).
  public var squashFrom: Int?
  /// Per channel R, G, B, on the scale 0...1.
  public var mean: [Float]
  public var standardDeviation: [Float]

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

  /// ImageNet's usual preprocessing: shorter side to 256/224 K, bilinear, centre crop.
  public static let imageNet = Preprocessing()

  /// Side to which a picture is resized for a crop of `side` (K_img, method.md G): floor(side / cropShare).
  public func resizeSide(for side: Int) -> Int {
    max(side, Int((Double(side) / cropShare).rounded(.down)))
  }
}
