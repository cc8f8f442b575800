/// The channels of a network's input, by Pillow's names.
public enum ColorMode: String, Hashable, Sendable, CaseIterable {
  /// Grey levels by ITU-R 601 luma (`L`).
  case grey = "L"
  /// Red, green, blue; transparency is dropped.
  case rgb = "RGB"
  /// Red, green, blue and opacity, 255 where a file has none.
  case rgba = "RGBA"

  /// Channels of a pixel.
  public var channelCount: Int {
    switch self {
    case .grey: 1
    case .rgb: 3
    case .rgba: 4
    }
  }

  /// The mode of `channelCount` channels; nil where there is none.
  init?(channelCount: Int) {
    guard let mode = Self.allCases.first(where: { $0.channelCount == channelCount }) else { return nil }
    self = mode
  }
}
