import FixresBase
import FixresIR
import FixresImaging

/// Makes preprocessors from a command's options.
enum PictureSource {
  static func preprocessor(
    for model: Model, _ invocation: Invocation
  ) throws(ImageError) -> Preprocessor {
    var limits = DecodingLimits()
    if let maximum = invocation.integer(Shared.maximumPixels) { limits.maximumPixels = maximum }
    return try Preprocessor(
      rule(model.metadata, invocation.text(Shared.preprocess)), size: model.graph.resolution,
      appliesOrientation: invocation.has(Shared.exif), limits: limits)
  }

  /// The model's own rule, or the one that `--preprocess` names; mean and deviation stay the model's.
  static func rule(_ metadata: ModelMetadata, _ name: String?) -> Preprocessing {
    var rule = metadata.preprocessing
    guard let name else { return rule }
    // A network of CIFAR's size is never cropped, whatever the rule.
    let isTiny = rule.cropShare == 1 && (metadata.trainResolution.map { $0.height <= 64 } ?? false)
    rule.cropShare = isTiny ? 1 : 0.875
    rule.resizeRule = name == "fixres" ? .height : .shorterSide
    rule.interpolation = name == "timm" || name == "hf" ? .bicubic : .bilinear
    rule.squashFrom = name == "hf" ? 384 : nil
    return rule
  }

  /// Warns of pictures with an orientation that was not applied.
  static func warnOfTurned(_ count: Int, _ invocation: Invocation) {
    guard count > 0, !invocation.has(Shared.exif) else { return }
    invocation.console.warn(
      "\(Text.count(count, "picture")) with an EXIF orientation, which is not applied; --exif applies it")
  }
}
