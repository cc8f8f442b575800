import FixresIR

/// The facts of a model's pictures with their sources: built from the weakest statement to the strongest.
package struct PictureFacts: Hashable, Sendable {
  /// What is known of the network that the pictures are for.
  package struct Network: Hashable, Sendable {
    /// Channels of its input: 1, 3 or 4.
    package var channels: Int
    /// The size that networks of its kind are trained at.
    package var usualResolution: Extent
    /// Networks for pictures of CIFAR's size, which are not cropped.
    package var isSmall = false
    /// Converted from Keras, whose ResNets take Caffe's input.
    package var isKeras = false

    /// A network of `channels` channels, usually trained at `usualResolution`.
    package init(channels: Int, usualResolution: Extent) {
      (self.channels, self.usualResolution) = (channels, usualResolution)
    }
  }

  /// How a picture becomes the input.
  package private(set) var preprocessing: Preprocessing
  /// Size of the training images; nil where nobody states it.
  package private(set) var trainResolution: Extent?
  /// Findings that are no errors, a sentence each.
  package private(set) var notes: [String] = []
  private let channels: Int
  /// The source of each fact, by its name.
  private var sources: [String: Fact.Source] = [:]

  /// The facts that `options` and `stated` state (the weakest first), with the customs of the network's kind and ImageNet's values
  /// where they state nothing.
  ///
  /// - Throws: `ArchitectureError.invalidOption` where an option does not fit the network's channels.
  package init(
    _ options: ImportOptions, stated: [PictureStatement], network: Network
  ) throws(ArchitectureError) {
    channels = network.channels
    preprocessing = .imageNet
    let normalization = Preprocessing.imageNetNormalization(channels: channels)
    preprocessing.mean = normalization.mean
    preprocessing.standardDeviation = normalization.standardDeviation
    trainResolution = network.usualResolution
    for name in Self.names where name != "labels" { sources[name] = .default }
    var network = network
    // A mean of values in 0...1 is not Caffe's: what Keras' own networks take does not hold then.
    let means = stated.compactMap(\.mean) + [options.mean].compactMap { $0 }
    if means.contains(where: { !$0.isEmpty && $0.allSatisfy { $0 > 0 && $0 <= 1.5 } }) {
      network.isKeras = false
    }
    apply(Self.custom(network))
    if let preset = options.preset {
      var usual = PictureStatement(.option)
      usual.interpolation = preset.usualInterpolation
      apply(usual)
    }
    for statement in stated { apply(statement) }
    try apply(options, at: trainResolution)
  }

  /// The facts of a stored model, changed as `options` state.
  private init(_ options: ImportOptions, of metadata: ModelMetadata, graph: Graph) throws(ArchitectureError) {
    channels = graph.imageInput?.type.dims.first ?? 3
    preprocessing = metadata.preprocessing
    trainResolution = metadata.trainResolution
    for fact in metadata.facts where Self.names.contains(fact.name) { sources[fact.name] = fact.source }
    if let preset = options.preset, Self.assumesFilter(metadata) {
      var usual = PictureStatement(.option)
      usual.interpolation = preset.usualInterpolation
      apply(usual)
    }
    try apply(options, at: graph.resolution)
  }

  /// Changes the facts of a stored model that `options` state, each alone.
  ///
  /// - Returns: Findings that are no errors, a sentence each.
  /// - Throws: `ArchitectureError.invalidOption` where an option does not fit the network's channels or size.
  package static func restate(
    _ metadata: inout ModelMetadata, of graph: Graph, _ options: ImportOptions
  ) throws(ArchitectureError) -> [String] {
    let changed = try PictureFacts(options, of: metadata, graph: graph)
    guard changed.preprocessing != metadata.preprocessing || changed.statedByOptions(options) else {
      return []
    }
    metadata.preprocessing = changed.preprocessing
    metadata.trainResolution = changed.trainResolution
    metadata.facts.removeAll { Self.names.contains($0.name) && $0.name != "labels" }
    metadata.facts += changed.facts
    return changed.notes
  }

  /// Changes the facts of a stored model as `statement`, which references bear out, says.
  package static func settle(_ metadata: inout ModelMetadata, of graph: Graph, _ statement: PictureStatement)
  {
    guard var changed = try? PictureFacts(ImportOptions(), of: metadata, graph: graph) else { return }
    changed.apply(statement)
    metadata.preprocessing = changed.preprocessing
    metadata.facts.removeAll { Self.names.contains($0.name) && $0.name != "labels" }
    metadata.facts += changed.facts
  }

  private func statedByOptions(_ options: ImportOptions) -> Bool {
    options.pictureStatement != PictureStatement(.option) || options.preset != nil
      || options.resizeSide != nil
  }

  /// True where the filter of a stored model is the usual one that nobody stated.
  private static func assumesFilter(_ metadata: ModelMetadata) -> Bool {
    if let fact = metadata.facts.first(where: { $0.name == "filter" }) { return fact.isAssumption }
    return metadata.assumptions.contains { $0.hasPrefix("pictures: ") }
  }

  /// What pictures of the network's kind are usually like, beyond ImageNet's values.
  private static func custom(_ network: Network) -> PictureStatement {
    var result = PictureStatement(.family)
    if network.isSmall { result.cropShare = 1 }
    if network.isKeras, network.channels == 3 {
      // `keras.applications.resnet.preprocess_input`, mode `caffe`.
      result.channelOrder = .bgr
      result.inputScale = .byte
      result.mean = [103.939, 116.779, 123.68]
      result.standardDeviation = [1, 1, 1]
    }
    return result
  }

  // MARK: - Statements

  private mutating func apply(_ statement: PictureStatement) {
    let source = statement.source
    if let size = statement.trainResolution {
      (trainResolution, sources["train-resolution"]) = (size, source)
    }
    if let resize = statement.resize {
      preprocessing.resizeRule = resize.rule
      preprocessing.cropRounding = resize.rounding
      preprocessing.squashFrom = resize.squashFrom
      sources["resize-rule"] = source
    }
    if let ratio = statement.cropRatio {
      preprocessing.cropRatio = ratio
      preprocessing.testCrop = nil
      // A crop that the user asks for is taken at every size.
      if source == .option { preprocessing.squashFrom = nil }
      sources["crop-share"] = source
    }
    if let crop = statement.testCrop { preprocessing.testCrop = crop }
    if let filter = statement.interpolation {
      (preprocessing.interpolation, sources["filter"]) = (filter, source)
    }
    if let order = statement.channelOrder {
      (preprocessing.channelOrder, sources["channel-order"]) = (order, source)
    }
    if let scale = statement.inputScale {
      (preprocessing.inputScale, sources["input-scale"]) = (scale, source)
    }
    if let mean = fitted(statement.mean, "mean") { (preprocessing.mean, sources["mean"]) = (mean, source) }
    if let std = fitted(statement.standardDeviation, "standard deviation") {
      (preprocessing.standardDeviation, sources["std"]) = (std, source)
    }
  }

  /// One value stands for all channels; another count than the network's is left out with a note.
  private mutating func fitted(_ values: [Float]?, _ name: String) -> [Float]? {
    guard let values else { return nil }
    if values.count == channels { return values }
    if values.count == 1 { return [Float](repeating: values[0], count: channels) }
    notes.append("a \(name) of \(values.count) values is not used: the input has \(channels) channels")
    return nil
  }

  private mutating func apply(_ options: ImportOptions, at size: Extent?) throws(ArchitectureError) {
    for (name, values) in [("--mean", options.mean), ("--std", options.standardDeviation)] {
      guard let values, values.count != 1, values.count != channels else { continue }
      throw .invalidOption(
        name: name, expected: channels == 1 ? "one number" : "\(channels) numbers", found: "\(values.count)")
    }
    if let preset = options.preset { apply(preset.statement) }
    var statement = options.pictureStatement
    if let resized = options.resizeSide {
      guard options.cropShare == nil else {
        throw .invalidOption(
          name: "--resize-side", expected: "either it or --crop-share", found: "both")
      }
      let crop =
        (options.resizeSideAt ?? options.trainResolution ?? size).map { min($0.height, $0.width) } ?? resized
      guard resized >= crop else {
        throw .invalidOption(
          name: "--resize-side", expected: "at least the crop's side \(crop)", found: "\(resized)")
      }
      statement.cropRatio = .sides(crop: crop, resized: resized)
    }
    apply(statement)
    noteScale()
  }

  /// A mean of the other scale gives numbers that no network was trained on.
  private mutating func noteScale() {
    let most = preprocessing.mean.map(abs).max() ?? 0
    let widest = preprocessing.standardDeviation.max() ?? 1
    if preprocessing.inputScale == .unit, most > 1.5 {
      notes.append(
        "the mean \(Self.list(preprocessing.mean)) is of values in 0...255, and the input is of values in 0...1: "
          + "--input-scale 255 states the other scale")
    }
    if preprocessing.inputScale == .byte, most > 0, most <= 1, widest <= 1 {
      notes.append(
        "the mean \(Self.list(preprocessing.mean)) is of values in 0...1, and the input is of values in 0...255: "
          + "--mean and --std count on the input's scale")
    }
  }

  // MARK: - Facts

  private static let names: Set = [
    "train-resolution", "resize-rule", "resize-side", "crop-share", "filter", "channel-order", "input-scale",
    "mean",
    "std", "labels",
  ]

  /// The facts in order, each with its source and the option that states another value.
  package var facts: [Fact] {
    var facts: [Fact] = []
    func add(_ name: String, _ value: String, _ option: String, as kept: String? = nil) {
      guard let source = sources[kept ?? name] ?? sources[name] else { return }
      facts.append(Fact(name, value, from: source, option: option))
    }
    add("train-resolution", trainResolution.map { "\($0)" } ?? "unknown", "--train-resolution")
    add("resize-rule", resizeRule, "--preprocess")
    switch preprocessing.cropRatio {
    case .sides(let crop, let resized):
      add("resize-side", "\(resized) for \(crop)", "--resize-side", as: "crop-share")
    case .share(let share):
      let other = preprocessing.testCrop.map { ", \($0.share) at \($0.size)" } ?? ""
      add("crop-share", "\(share)\(other)", "--crop-share")
    }
    add("filter", preprocessing.interpolation.rawValue, "--filter")
    if channels > 1 { add("channel-order", preprocessing.channelOrder.rawValue, "--channel-order") }
    add("input-scale", "\(preprocessing.inputScale.rawValue)", "--input-scale")
    add("mean", Self.list(preprocessing.mean), "--mean")
    add("std", Self.list(preprocessing.standardDeviation), "--std")
    return facts
  }

  /// The rule with what differs from torchvision's.
  private var resizeRule: String {
    var words = [preprocessing.resizeRule.rawValue]
    if preprocessing.cropRounding == .down { words.append("margin rounded down") }
    if let side = preprocessing.squashFrom { words.append("squash from \(side)") }
    return words.joined(separator: ", ")
  }

  /// A sentence for each group of facts that nobody states.
  var sentences: [String] {
    func isAssumed(_ name: String) -> Bool { sources[name].map { $0 == .family || $0 == .default } ?? false }
    var sentences: [String] = []
    if isAssumed("crop-share") || isAssumed("filter") {
      let side = preprocessing.cropShare == 1 ? "the crop's own side" : "256/224 of the crop"
      sentences.append(
        "pictures: shorter side to \(side), \(preprocessing.interpolation.rawValue), centre crop")
    }
    if sources["mean"] == .family {
      sentences.append("channels B, G, R of 0...255 and Caffe's mean (Keras)")
    } else if isAssumed("mean") {
      sentences.append("mean \(Self.list(preprocessing.mean, ", ")) (ImageNet's)")
    }
    if sources["std"] == .default {
      sentences.append("standard deviation \(Self.list(preprocessing.standardDeviation, ", ")) (ImageNet's)")
    }
    return sentences
  }

  private static func list(_ values: [Float], _ separator: String = ",") -> String {
    values.map { "\($0)" }.joined(separator: separator)
  }
}
