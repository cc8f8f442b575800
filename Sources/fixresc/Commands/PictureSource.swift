import FixresBase
import FixresFormats
import FixresIR
import FixresImaging

/// Makes preprocessors from a command's options.
enum PictureSource {
  /// The preprocessor of `model`, whose metadata already hold what options state about its pictures.
  static func preprocessor(
    for model: Model, _ invocation: Invocation
  ) throws(ImageError) -> Preprocessor {
    var limits = DecodingLimits()
    if let maximum = invocation.integer(Shared.maximumPixels) { limits.maximumPixels = maximum }
    let rule = model.metadata.preprocessing
    let channels = model.graph.imageInput?.type.channels ?? rule.channelCount
    guard channels == rule.channelCount else {
      throw .preprocessing(
        expected: "a mean and a standard deviation for \(Text.count(channels, "channel"))",
        found: "\(rule.channelCount); --mean and --std state them")
    }
    return try Preprocessor(
      rule, size: model.graph.resolution, appliesOrientation: invocation.has(Shared.exif), limits: limits)
  }

  /// What the options state about pictures.
  static func state(_ invocation: Invocation, in options: inout ImportOptions) {
    options.preset = invocation.text(Shared.preprocess).flatMap(PicturePreset.init)
    options.resizeSide = invocation.integer(Shared.resizeSide)
    options.resizeSideAt = testSize(invocation)
    options.cropShare = invocation.number(Shared.cropShare)
    options.interpolation = invocation.text(Shared.filter).flatMap(Preprocessing.Interpolation.init)
    options.channelOrder = invocation.text(Shared.channelOrder).flatMap(Preprocessing.ChannelOrder.init)
    options.inputScale = invocation.integer(Shared.inputScale).flatMap(Preprocessing.InputScale.init)
    options.mean = invocation.channels(Shared.mean).map { $0.map { Float($0) } }
    options.standardDeviation = invocation.channels(Shared.deviation).map { $0.map { Float($0) } }
    options.trainResolution = invocation.size(Shared.trainResolution).map { Extent($0.height, $0.width) }
  }

  /// The one size that the command tests at, where it states one: `--resize-side` is for a crop of that size.
  private static func testSize(_ invocation: Invocation) -> Extent? {
    for option in invocation.command.options where ["--to", "--resolution"].contains(option.name) {
      if let size = invocation.size(option) { return Extent(size.height, size.width) }
    }
    return nil
  }

  /// Warns of pictures with an orientation that was not applied.
  static func warnOfTurned(_ count: Int, _ invocation: Invocation) {
    guard count > 0, !invocation.has(Shared.exif) else { return }
    invocation.console.warn(
      "\(Text.count(count, "picture")) with an EXIF orientation, which is not applied; --exif applies it")
  }
}
