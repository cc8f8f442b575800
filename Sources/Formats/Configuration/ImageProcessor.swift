import FixresIR

/// A class of Hugging Face's image processors: what it does where its file states nothing.
///
/// The values are those of the classes' attributes in transformers 5.24.
struct ImageProcessor {
  /// How a processor's own `resize` differs from the plain one.
  enum Scaling: Equatable {
    /// To `size` as it is.
    case plain
    /// `size / crop_pct`, then its own crop; both sides to `size` from 384 on.
    case convNext
    /// `size / crop_pct`, the crop being `crop_size`.
    case poolFormer
    /// 256/224 of `size`.
    case levit
  }

  /// The class's name without what follows it, such as `ConvNext`.
  let name: String
  var scaling = Scaling.plain
  /// Whether a lone number as `size` is both sides.
  var isSquare = false
  var side = 224
  /// Side of the centre crop; nil where the class does not crop.
  var crop: Int?
  var cropShare: Double?
  var interpolation = Preprocessing.Interpolation.bicubic
  var normalization = ImageProcessor.standard

  private static let standard: (mean: [Float], standardDeviation: [Float]) = (
    [0.5, 0.5, 0.5], [0.5, 0.5, 0.5]
  )
  private static let imageNet: (mean: [Float], standardDeviation: [Float]) = (
    [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
  )
  private static let clip: (mean: [Float], standardDeviation: [Float]) = (
    [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
  )

  private static let known = [
    ImageProcessor(name: "ConvNext", scaling: .convNext, side: 384, cropShare: 0.875),
    ImageProcessor(name: "ViT", isSquare: true, interpolation: .bilinear),
    ImageProcessor(name: "DeiT", isSquare: true, side: 256, crop: 224),
    ImageProcessor(name: "Bit", crop: 224, normalization: clip),
    ImageProcessor(name: "CLIP", crop: 224, normalization: clip),
    ImageProcessor(name: "Levit", scaling: .levit, crop: 224, normalization: imageNet),
    ImageProcessor(
      name: "PoolFormer", scaling: .poolFormer, crop: 224, cropShare: 0.9, normalization: imageNet),
    ImageProcessor(name: "MobileNetV1", side: 256, crop: 224, interpolation: .bilinear),
    ImageProcessor(name: "MobileNetV2", side: 256, crop: 224, interpolation: .bilinear),
  ]

  /// The class of `type`, whatever its backend (`...ImageProcessor`, `...Fast`, `...Pil`, `...FeatureExtractor`); nil where it
  /// is not known.
  init?(type: String) {
    var name = type[...]
    for ending in ["Fast", "Pil", "ImageProcessor", "FeatureExtractor"] where name.hasSuffix(ending) {
      name = name.dropLast(ending.count)
    }
    guard let found = Self.known.first(where: { $0.name == name }) else { return nil }
    self = found
  }

  private init(
    name: String, scaling: Scaling = .plain, isSquare: Bool = false, side: Int = 224, crop: Int? = nil,
    cropShare: Double? = nil, interpolation: Preprocessing.Interpolation = .bicubic,
    normalization: (mean: [Float], standardDeviation: [Float]) = ImageProcessor.standard
  ) {
    self.name = name
    self.scaling = scaling
    self.isSquare = isSquare
    self.side = side
    self.crop = crop
    self.cropShare = cropShare
    self.interpolation = interpolation
    self.normalization = normalization
  }
}
