import FixresBase
import FixresIR

extension SourceConfiguration {
  /// Reads the fields of Hugging Face's `preprocessor_config.json`.
  ///
  /// - Throws: `ArchitectureError.invalidConfiguration`, or `.unsupported` for a step that no `Preprocessing` describes.
  mutating func readProcessor(_ reader: ConfigurationReader) throws(ArchitectureError) {
    let names = [try reader.string("image_processor_type"), try reader.string("feature_extractor_type")]
    let type = names.compactMap { $0 }.first
    let kind = type.flatMap { ImageProcessor(type: $0) }
    if let type, kind == nil {
      notes.append("preprocessor_config.json is of \(type), which is not known: its fields are read as usual")
    }
    try refuseSteps(reader)
    try readNormalization(reader, kind)
    if try reader.flag("do_flip_channel_order") == true { pictures.channelOrder = .bgr }
    pictures.interpolation = try reader.resample("resample") ?? kind?.interpolation
    let crop = try cropSize(reader, kind)
    guard try reader.flag("do_resize") ?? true else {
      pictures.trainResolution = crop
      pictures.resize = .init(crop == nil ? .exact : .unscaled, rounding: .down)
      pictures.cropShare = 1
      return
    }
    var size = try reader.size("size", isSquare: kind?.isSquare ?? false)
    if size == nil, let kind { size = (Extent(square: kind.side), !kind.isSquare) }
    guard let size else { return }
    let share = try reader.share("crop_pct") ?? kind?.cropShare
    switch kind?.scaling ?? (share == nil ? .plain : crop == nil ? .convNext : .poolFormer) {
    case .convNext: try readConvNext(reader, size.extent, share: share ?? 0.875, crop: crop)
    case .poolFormer:
      let side = share.map { Int((Double(size.extent.height) / $0).rounded(.down)) } ?? size.extent.height
      try readScaled(reader, Extent(square: side), keepsAspect: true, crop: crop)
    case .levit where size.keepsAspect:
      // In floating point, as the processor computes it.
      let side = Int((256.0 / 224.0 * Double(size.extent.height)).rounded(.down))
      try readScaled(reader, Extent(square: side), keepsAspect: true, crop: crop)
    case .levit, .plain:
      try readScaled(reader, size.extent, keepsAspect: size.keepsAspect, crop: crop)
    }
  }

  private func cropSize(
    _ reader: ConfigurationReader, _ kind: ImageProcessor?
  ) throws(ArchitectureError) -> Extent? {
    let stated = try reader.size("crop_size", isSquare: true)?.extent
    let isWanted = try reader.flag("do_center_crop") ?? (kind.map { $0.crop != nil } ?? (stated != nil))
    guard isWanted else { return nil }
    guard let crop = stated ?? kind?.crop.map({ Extent(square: $0) }) else {
      throw reader.invalid("crop_size", "a size, as do_center_crop is true", "none")
    }
    return crop
  }

  /// Cropped below 384, both sides resized to the input from there on.
  private mutating func readConvNext(
    _ reader: ConfigurationReader, _ size: Extent, share: Double, crop: Extent?
  ) throws(ArchitectureError) {
    if let crop, crop != size {
      throw reader.invalid("crop_size", "\(size), the size that the processor crops to itself", "\(crop)")
    }
    pictures.trainResolution = size
    pictures.resize = .init(.shorterSide, rounding: .down, squashFrom: 384)
    pictures.cropShare = share
  }

  /// Resized to `size`, then cropped to `crop`.
  private mutating func readScaled(
    _ reader: ConfigurationReader, _ size: Extent, keepsAspect: Bool, crop: Extent?
  ) throws(ArchitectureError) {
    pictures.trainResolution = crop ?? size
    guard let crop else {
      pictures.resize = .init(keepsAspect ? .shorterSide : .squash, rounding: .down)
      if keepsAspect {
        customPictures.cropShare = 1
        notes.append(
          "preprocessor_config.json resizes the shorter side to \(size) and does not crop; the network takes one size: "
            + "a centre crop of the resized picture")
      } else {
        pictures.cropShare = 1
      }
      return
    }
    guard size.height >= crop.height, size.width >= crop.width else {
      throw reader.invalid("size", "at least the crop's size \(crop)", "\(size)")
    }
    pictures.resize = .init(keepsAspect ? .shorterSide : .squash, rounding: .down)
    guard crop.isSquare, size.isSquare else {
      guard size == crop, !keepsAspect else {
        throw .unsupported(
          feature: "resizing to \(size) before a crop of \(crop)",
          evidence: "size and crop_size in \(reader.path)")
      }
      pictures.cropShare = 1
      return
    }
    pictures.cropRatio = size == crop ? .share(1) : .sides(crop: crop.height, resized: size.height)
  }

  /// The scale, mean and deviation; a factor other than 1/255 and 1 is converted into mean and deviation.
  private mutating func readNormalization(
    _ reader: ConfigurationReader, _ kind: ImageProcessor?
  ) throws(ArchitectureError) {
    let rescales = try reader.flag("do_rescale") ?? true
    let factor = rescales ? try reader.number("rescale_factor") ?? 1.0 / 255 : 1
    guard factor > 0 else { throw reader.invalid("rescale_factor", "a number above 0", "\(factor)") }
    if try reader.flag("do_normalize") == false {
      pictures.mean = [0]
      pictures.standardDeviation = [1]
    } else {
      pictures.mean = try reader.channels("image_mean", mayBeZero: true) ?? kind?.normalization.mean
      pictures.standardDeviation =
        try reader.channels("image_std", mayBeZero: false) ?? kind?.normalization.standardDeviation
    }
    pictures.inputScale = abs(factor - 1) < 1e-6 ? .byte : .unit
    guard pictures.inputScale == .unit, abs(factor * 255 - 1) > 1e-6 else { return }
    guard let mean = pictures.mean, let deviation = pictures.standardDeviation else {
      throw reader.invalid(
        "rescale_factor", "1/255 or 1, or an image_mean and an image_std beside it", "\(factor)")
    }
    // (x f - m) / s = (x / 255 - m / 255 f) / (s / 255 f)
    pictures.mean = mean.map { Float(Double($0) / (255 * factor)) }
    pictures.standardDeviation = deviation.map { Float(Double($0) / (255 * factor)) }
  }

  private func refuseSteps(_ reader: ConfigurationReader) throws(ArchitectureError) {
    func refuse(_ key: String, _ feature: String) throws(ArchitectureError) {
      guard try reader.flag(key) == true else { return }
      throw .unsupported(feature: feature, evidence: "\(key) in \(reader.path)")
    }
    try refuse("rescale_offset", "values in -1...1 by an offset")
    try refuse("include_top", "a second division by the standard deviation")
    try refuse("do_pad", "padding of pictures")
    try refuse("do_thumbnail", "pictures made small before the resize")
    try refuse("do_align_long_axis", "turning pictures")
  }
}
