extension ImageError {
  /// True for a picture of a format that other programs decode and this one does not.
  public var isWithoutDecoder: Bool { formatWithoutDecoder != nil }

  /// The name of that format: `WebP`; nil where something else is wrong.
  public var formatWithoutDecoder: String? {
    if case .reported(_, _, let format) = self { return format }
    guard case .otherFormat(let name) = self, PictureDecoder.isPicture(name) else { return nil }
    return name
  }
}
