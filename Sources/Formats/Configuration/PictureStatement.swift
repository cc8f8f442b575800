import FixresIR

/// The facts of a model's pictures that one source states; nil: not stated.
package struct PictureStatement: Hashable, Sendable {
  /// How pictures are scaled before the crop.
  package struct Resize: Hashable, Sendable {
    /// Which side, or both, is resized.
    package var rule: Preprocessing.ResizeRule
    /// How the crop's margin is rounded.
    package var rounding = Preprocessing.CropRounding.halfToEven
    /// Side in pixels from which pictures are squashed to the input instead of cropped.
    package var squashFrom: Int?

    /// The rule `rule` with torchvision's rounding and no squash.
    package init(
      _ rule: Preprocessing.ResizeRule, rounding: Preprocessing.CropRounding = .halfToEven,
      squashFrom: Int? = nil
    ) {
      (self.rule, self.rounding, self.squashFrom) = (rule, rounding, squashFrom)
    }
  }

  /// Who states the facts.
  package var source: Fact.Source
  /// Size of the training images, in pixels.
  package var trainResolution: Extent?
  /// How pictures are scaled.
  package var resize: Resize?
  /// The crop beside the resized picture, at every size.
  package var cropRatio: Preprocessing.CropRatio?
  /// A size with a crop share of its own.
  package var testCrop: Preprocessing.TestCrop?
  /// The resampling filter.
  package var interpolation: Preprocessing.Interpolation?
  /// Order of the colours in the input.
  package var channelOrder: Preprocessing.ChannelOrder?
  /// Scale of the values before the mean is subtracted.
  package var inputScale: Preprocessing.InputScale?
  /// Mean of each channel of the input, on its scale; one value stands for all channels.
  package var mean: [Float]?
  /// Standard deviation of each channel, likewise.
  package var standardDeviation: [Float]?

  /// A statement of `source` that states nothing yet.
  package init(_ source: Fact.Source) { self.source = source }

  /// K / K_img at every size.
  package var cropShare: Double? {
    get { if case .share(let share)? = cropRatio { share } else { nil } }
    set { cropRatio = newValue.map { .share($0) } }
  }
}

/// A library whose preprocessing an option names.
public enum PicturePreset: String, Hashable, Sendable, CaseIterable {
  /// torchvision's presets of 2016: shorter side, 256 for 224.
  case torchvision
  /// torchvision's presets of 2022 (`IMAGENET1K_V2`): 232 for 224.
  case torchvisionV2 = "torchvision-v2"
  /// The evaluation code of Touvron et al.: height.
  case fixres
  /// timm: shorter side.
  case timm
  /// Hugging Face's processors: margins rounded down, no crop from 384 on.
  case huggingFace = "hf"

  /// What the name itself states: how pictures are resized.
  var statement: PictureStatement {
    var result = PictureStatement(.option)
    switch self {
    case .torchvision, .timm: result.resize = .init(.shorterSide)
    case .torchvisionV2:
      result.resize = .init(.shorterSide)
      result.cropRatio = .sides(crop: 224, resized: 232)
    case .fixres: result.resize = .init(.height)
    case .huggingFace: result.resize = .init(.shorterSide, rounding: .down, squashFrom: 384)
    }
    return result
  }

  /// The library's usual filter, taken where nobody states another.
  var usualInterpolation: Preprocessing.Interpolation {
    switch self {
    case .torchvision, .torchvisionV2, .fixres: .bilinear
    case .timm, .huggingFace: .bicubic
    }
  }
}
