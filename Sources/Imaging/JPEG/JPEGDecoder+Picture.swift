extension JPEGDecoder {
  private enum ColorSpace {
    case grey, rgb, luminanceChrominance, inks, luminanceChrominanceBlack
  }

  /// The colour space by libjpeg's rules: a JFIF marker decides, then an Adobe marker, then component identifiers.
  private var colorSpace: ColorSpace {
    switch frame.components.count {
    case 1: return .grey
    case 3:
      if markers.hasJFIF { return .luminanceChrominance }
      if let transform = markers.adobeTransform { return transform == 0 ? .rgb : .luminanceChrominance }
      let identifiers = frame.components.map(\.identifier)
      return identifiers == Array("RGB".utf8) ? .rgb : .luminanceChrominance
    default:
      guard let transform = markers.adobeTransform else { return .inks }
      return transform == 0 ? .inks : .luminanceChrominanceBlack
    }
  }

  /// Upsamples the planes and converts them to RGB.
  func picture() throws(ImageError) -> Picture {
    let picture = try Picture(uninitializedWidth: frame.width, height: frame.height)
    var upsamplers: [Upsampler] = []
    for (component, plane) in zip(frame.components, planes) {
      upsamplers.append(try Upsampler(component, of: frame, plane: plane))
    }
    let space = colorSpace
    let target = UnsafeMutableRawPointer(picture.pixels.base)
    for y in 0..<frame.height {
      let samples = upsamplers.map { UnsafeRawPointer($0.row(y)) }
      let rows =
        samples.count == 1
        ? ColorConversion.Rows(first: samples[0], second: samples[0], third: samples[0], fourth: samples[0])
        : ColorConversion.Rows(
          first: samples[0], second: samples[1], third: samples[2], fourth: samples[samples.count - 1])
      // Whole vectors write into the next row, which is converted later, or into the slack after the last row.
      let row = target + y * picture.bytesPerRow
      switch space {
      case .grey, .rgb: ColorConversion.plain(rows, to: row, width: frame.width)
      case .luminanceChrominance: ColorConversion.luminanceChrominance(rows, to: row, width: frame.width)
      case .inks: ColorConversion.inks(rows, to: row, width: frame.width)
      case .luminanceChrominanceBlack:
        ColorConversion.luminanceChrominanceBlack(rows, to: row, width: frame.width)
      }
    }
    return picture
  }
}
