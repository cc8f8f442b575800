import FixresFormats
import FixresIR

/// What pictures could be like that a reference was made from: the pipelines in use, as facts that the file leaves open.
package struct PictureHypotheses: Sendable {
  /// A colour treatment: order of the channels, scale, mean and standard deviation.
  struct Colour: Hashable {
    var order = Preprocessing.ChannelOrder.rgb
    var scale = Preprocessing.InputScale.unit
    var mean: [Float]
    var deviation: [Float]
  }

  /// A resize and crop.
  struct Resize: Hashable {
    var rule = Preprocessing.ResizeRule.shorterSide
    var rounding = Preprocessing.CropRounding.halfToEven
    var squashFrom: Int?
    var ratio: Preprocessing.CropRatio
  }

  let colours: [Colour]
  let resizes: [Resize]
  let filters: [Preprocessing.Interpolation]
  /// The axes by the first of their facts.
  static let names = ["channel-order", "resize-rule", "filter"]

  /// The alternatives to `rule` in the facts of `metadata` that nobody states; what is in force comes first.
  package init(_ metadata: ModelMetadata) {
    let rule = metadata.preprocessing
    let open = Set(metadata.facts.filter(\.isAssumption).map(\.name))
    let own = Colour(
      order: rule.channelOrder, scale: rule.inputScale, mean: rule.mean, deviation: rule.standardDeviation)
    colours = Self.unique([own] + Self.colours(channels: rule.channelCount)).filter { colour in
      (colour.order == own.order || open.contains("channel-order"))
        && (colour.scale == own.scale || open.contains("input-scale"))
        && (colour.mean == own.mean || open.contains("mean"))
        && (colour.deviation == own.deviation || open.contains("std"))
    }
    let resize = Resize(
      rule: rule.resizeRule, rounding: rule.cropRounding, squashFrom: rule.squashFrom, ratio: rule.cropRatio)
    let isCropOpen = open.contains("crop-share") || open.contains("resize-side")
    resizes = Self.unique([resize] + Self.resizes).filter { other in
      (other.ratio == resize.ratio || isCropOpen)
        && ((other.rule, other.rounding, other.squashFrom) == (
          resize.rule, resize.rounding, resize.squashFrom
        )
          || open.contains("resize-rule"))
    }
    filters =
      open.contains("filter")
      ? Self.unique([rule.interpolation, .bilinear, .bicubic, .nearest, .lanczos, .box, .hamming])
      : [rule.interpolation]
  }

  var axes: [HypothesisSearch.Axis] {
    [
      HypothesisSearch.Axis(Self.names[0], colours.map(Self.text)),
      HypothesisSearch.Axis(Self.names[1], resizes.map(Self.text)),
      HypothesisSearch.Axis(Self.names[2], filters.map(\.rawValue)),
    ]
  }

  /// The preprocessing of `hypothesis`; what no axis says stays as in `rule`.
  func preprocessing(_ hypothesis: HypothesisSearch.Hypothesis, in rule: Preprocessing) -> Preprocessing {
    var result = rule
    let colour = colours[hypothesis.choices[0]]
    (result.channelOrder, result.inputScale) = (colour.order, colour.scale)
    (result.mean, result.standardDeviation) = (colour.mean, colour.deviation)
    if hypothesis.choices[1] != 0 {
      let resize = resizes[hypothesis.choices[1]]
      (result.resizeRule, result.cropRounding) = (resize.rule, resize.rounding)
      (result.squashFrom, result.cropRatio, result.testCrop) = (resize.squashFrom, resize.ratio, nil)
    }
    result.interpolation = filters[hypothesis.choices[2]]
    return result
  }

  /// A fact that references settle or leave open by itself, though the search takes rule and crop together.
  enum Part: Int, CaseIterable {
    case colours, rule, crop, filter
  }

  /// The value of each part as text, as `Part` orders them.
  func parts(_ hypothesis: HypothesisSearch.Hypothesis) -> [String] {
    let resize = resizes[hypothesis.choices[1]]
    return [
      "channel-order=" + Self.text(colours[hypothesis.choices[0]]), "resize-rule=" + Self.rule(resize),
      Self.crop(resize), "filter=" + filters[hypothesis.choices[2]].rawValue,
    ]
  }

  /// What a reference states where `hypothesis` fits; parts in `open` stay as they were.
  func statement(
    _ hypothesis: HypothesisSearch.Hypothesis, in rule: Preprocessing, open: Set<Part>
  ) -> PictureStatement {
    var statement = PictureStatement(.reference)
    let resize = resizes[hypothesis.choices[1]]
    if !open.contains(.colours) {
      let colour = colours[hypothesis.choices[0]]
      (statement.channelOrder, statement.inputScale) = (colour.order, colour.scale)
      (statement.mean, statement.standardDeviation) = (colour.mean, colour.deviation)
    }
    if !open.contains(.rule) {
      statement.resize = .init(resize.rule, rounding: resize.rounding, squashFrom: resize.squashFrom)
    }
    if !open.contains(.crop) {
      statement.cropRatio = resize.ratio
      if hypothesis.choices[1] == 0 { statement.testCrop = rule.testCrop }
    }
    if !open.contains(.filter) { statement.interpolation = filters[hypothesis.choices[2]] }
    return statement
  }

  // MARK: Pipelines in use

  /// Normalisations in use for inputs of `channels` channels, likely ones first.
  private static func colours(channels: Int) -> [Colour] {
    switch channels {
    case 1:
      return [
        Colour(mean: [0.449], deviation: [0.226]), Colour(mean: [0.5], deviation: [0.5]),
        Colour(mean: [0], deviation: [1]), Colour(mean: [0.1307], deviation: [0.3081]),
        Colour(scale: .byte, mean: [0], deviation: [1]),
      ]
    case 3: return threeChannels
    default:
      return [
        Colour(
          mean: [Float](repeating: 0.5, count: channels), deviation: [Float](repeating: 0.5, count: channels)),
        Colour(
          mean: [Float](repeating: 0, count: channels), deviation: [Float](repeating: 1, count: channels)),
      ]
    }
  }

  private static let threeChannels: [Colour] = {
    let imageNet = Colour(mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225])
    let half = Colour(mean: [0.5, 0.5, 0.5], deviation: [0.5, 0.5, 0.5])
    let none = Colour(mean: [0, 0, 0], deviation: [1, 1, 1])
    let bytes = Colour(scale: .byte, mean: [0, 0, 0], deviation: [1, 1, 1])
    let caffe = Colour(order: .bgr, scale: .byte, mean: [103.939, 116.779, 123.68], deviation: [1, 1, 1])
    let clip = Colour(
      mean: [0.48145466, 0.4578275, 0.40821073], deviation: [0.26862954, 0.26130258, 0.27577711])
    let detectron = Colour(order: .bgr, scale: .byte, mean: [103.53, 116.28, 123.675], deviation: [1, 1, 1])
    func bgr(_ colour: Colour, reversed: Bool) -> Colour {
      var other = colour
      other.order = .bgr
      if reversed { (other.mean, other.deviation) = (colour.mean.reversed(), colour.deviation.reversed()) }
      return other
    }
    return [
      imageNet, half, none, caffe, clip, bytes, bgr(imageNet, reversed: true), bgr(imageNet, reversed: false),
      detectron, bgr(half, reversed: false), bgr(none, reversed: false), bgr(bytes, reversed: false),
      Colour(scale: .byte, mean: [123.68, 116.779, 103.939], deviation: [1, 1, 1]),
      Colour(scale: .byte, mean: [123.675, 116.28, 103.53], deviation: [1, 1, 1]),
      bgr(
        Colour(scale: .byte, mean: [123.675, 116.28, 103.53], deviation: [58.395, 57.12, 57.375]),
        reversed: true),
      // CIFAR-10's and CIFAR-100's own, with both deviations that are passed around.
      Colour(mean: [0.4914, 0.4822, 0.4465], deviation: [0.2023, 0.1994, 0.2010]),
      Colour(mean: [0.4914, 0.4822, 0.4465], deviation: [0.2470, 0.2435, 0.2616]),
      Colour(mean: [0.5071, 0.4867, 0.4408], deviation: [0.2675, 0.2565, 0.2761]),
      Colour(mean: [0.5071, 0.4865, 0.4409], deviation: [0.2673, 0.2564, 0.2762]),
      // Tiny ImageNet's.
      Colour(mean: [0.4802, 0.4481, 0.3975], deviation: [0.2302, 0.2265, 0.2262]),
    ]
  }()

  /// Resizes and crops in use, likely ones first.
  private static let resizes: [Resize] = {
    let usual: [Preprocessing.CropRatio] = [
      .share(0.875), .sides(crop: 224, resized: 232), .share(0.95), .share(1), .share(0.9), .share(0.94),
      .share(0.96), .share(0.965), .share(0.8), .sides(crop: 224, resized: 236),
      .sides(crop: 224, resized: 242),
      .sides(crop: 224, resized: 246),
    ]
    var all = usual.map { Resize(ratio: $0) }
    all.append(Resize(rule: .squash, ratio: .share(1)))
    all += usual.prefix(4).map { Resize(rounding: .down, squashFrom: 384, ratio: $0) }
    all += usual.prefix(4).map { Resize(rounding: .down, ratio: $0) }
    all += usual.prefix(4).map { Resize(rule: .height, ratio: $0) }
    all += usual.filter { $0 != .share(1) }.prefix(3).map { Resize(rule: .squash, ratio: $0) }
    all += [.share(1), .share(0.95), .share(0.875)].map { Resize(rule: .longerSide, ratio: $0) }
    return all
  }()

  private static func unique<T: Hashable>(_ values: [T]) -> [T] {
    var seen: Set<T> = []
    return values.filter { seen.insert($0).inserted }
  }

  // MARK: Text

  private static func text(_ colour: Colour) -> String {
    "\(colour.order.rawValue) input-scale=\(colour.scale.rawValue) mean=\(list(colour.mean)) "
      + "std=\(list(colour.deviation))"
  }

  private static func text(_ resize: Resize) -> String { rule(resize) + " " + crop(resize) }

  private static func crop(_ resize: Resize) -> String {
    switch resize.ratio {
    case .share(let share): "crop-share=\(share)"
    case .sides(let crop, let resized): "resize-side=\(resized) for \(crop)"
    }
  }

  private static func rule(_ resize: Resize) -> String {
    var words = [resize.rule.rawValue]
    if resize.rounding == .down { words.append("margin rounded down") }
    if let side = resize.squashFrom { words.append("squash from \(side)") }
    return words.joined(separator: ", ")
  }

  private static func list(_ values: [Float]) -> String { values.map { "\($0)" }.joined(separator: ",") }
}
