/// A network's name in parts: `seresnext50d_32x4d` is SE, ResNeXt, 50 layers, variant d, 32 groups of 4
/// channels.
package struct ArchitectureName: Hashable, Sendable {
  /// The word before the depth.
  package enum Family: String, Hashable, Sendable {
    case resnet, resnext, wide, senet, resnetRS
  }

  /// The word before the depth.
  package var family: Family = .resnet
  /// The number of layers that the name states.
  package var depth: Int
  /// True for `se` before the family.
  package var hasSqueezeExcitation = false
  /// True for a network of 32x32 images.
  package var hasCIFARStem = false
  /// Stem and shortcut: `c`, `d`, `e`, `s`, `t` as timm and GluonCV name them.
  package var variant = ""
  /// Groups of a bottleneck's 3x3 convolution.
  package var groups = 1
  /// Channels a group in the first stage, for 64 planes.
  package var groupWidth = 64
  /// Planes of the first stage; nil for the family's own (64, CIFAR 16).
  package var width: Int?
  /// What `_v1` or `_v1_5` states; nil where the name has neither.
  package var stridePlacement: StridePlacement?
  /// What `blur` and `aa` state.
  package var antiAliasing = AntiAliasing.none
  /// True for timm's `legacy_` networks, which keep the conventions of their Caffe originals.
  package var isLegacy = false

  /// Creates the name of a plain ResNet.
  package init(depth: Int) { self.depth = depth }

  /// Block kind and blocks in each stage, by the depth in the name.
  private static let depths: [Int: (ArchitectureDescription.BlockKind, [Int])] = [
    10: (.basic, [1, 1, 1, 1]), 14: (.bottleneck, [1, 1, 1, 1]), 18: (.basic, [2, 2, 2, 2]),
    26: (.bottleneck, [2, 2, 2, 2]), 34: (.basic, [3, 4, 6, 3]), 50: (.bottleneck, [3, 4, 6, 3]),
    101: (.bottleneck, [3, 4, 23, 3]), 152: (.bottleneck, [3, 8, 36, 3]), 200: (.bottleneck, [3, 24, 36, 3]),
    201: (.bottleneck, [3, 24, 36, 4]), 269: (.bottleneck, [3, 30, 48, 8]),
  ]
  private static let depthsRS: [Int: (ArchitectureDescription.BlockKind, [Int])] = [
    270: (.bottleneck, [4, 29, 53, 4]), 350: (.bottleneck, [4, 36, 72, 4]),
    420: (.bottleneck, [4, 44, 87, 4]),
  ]
  private static let depthsCIFAR = [20, 32, 44, 56, 110, 1202]

  /// Names that are read, for messages.
  package static let examples = [
    "resnet18", "resnet34", "resnet50", "resnet50_v1", "resnet101", "resnet152", "wide_resnet50_2",
    "resnext50_32x4d", "resnext101_32x48d", "resnet50d", "seresnet50", "cifar_resnet20", "cifar_resnet56",
  ]

  /// The name as torchvision and timm write it.
  package var text: String {
    switch family {
    case .senet: return "senet\(depth)"
    case .resnetRS: return "resnetrs\(depth)"
    default: break
    }
    var text = hasCIFARStem ? "cifar_" : ""
    text += hasSqueezeExcitation ? "se" : ""
    text += family == .wide ? "wide_resnet" : family == .resnext ? "resnext" : "resnet"
    text += antiAliasing == .blur3 ? "blur" : antiAliasing == .average2 ? "aa" : ""
    text += "\(depth)\(variant)"
    if family == .resnext { text += "_\(groups)x\(groupWidth)d" }
    if family == .wide { text += "_\(groupWidth / 64)" }
    if let width { text += "w\(width)" }
    return text
  }

  /// True where the network called `found` satisfies the request `self`.
  ///
  /// A name without a width accepts any width, and one without `cifar` also accepts a 3x3 stem.
  package func accepts(_ found: ArchitectureName) -> Bool {
    var asked = self
    asked.stridePlacement = found.stridePlacement
    asked.antiAliasing = found.antiAliasing
    asked.isLegacy = found.isLegacy
    if width == nil { asked.width = found.width }
    if !hasCIFARStem { asked.hasCIFARStem = found.hasCIFARStem }
    return asked == found
  }
}

// MARK: From weights

extension ArchitectureName {
  /// Creates the name of `network`; nil where it belongs to no family.
  package init?(_ network: ArchitectureDescription) {
    let blocks = network.blocks
    guard let first = blocks.first, blocks.allSatisfy({ $0.kind == first.kind }) else { return nil }
    guard let depth = Self.depth(of: network, kind: first.kind) else { return nil }
    self.init(depth: depth)
    hasCIFARStem = network.hasCIFARStem
    antiAliasing = network.antiAliasing
    hasSqueezeExcitation = first.squeezeExcitation != nil
    guard blocks.allSatisfy({ ($0.squeezeExcitation != nil) == hasSqueezeExcitation }) else { return nil }
    guard readWidths(network, kind: first.kind), readVariant(network) else { return nil }
  }

  private static func depth(
    of network: ArchitectureDescription, kind: ArchitectureDescription.BlockKind
  ) -> Int? {
    let blocks = network.depths
    if blocks.count == 3, network.hasCIFARStem, Set(blocks).count == 1 {
      return (kind == .basic ? 6 : 9) * blocks[0] + 2
    }
    var table = depths
    if case .convolution = network.stem.pool { table.merge(depthsRS) { old, _ in old } }
    return table.first { $0.value.0 == kind && $0.value.1 == blocks }?.key
  }

  /// Reads planes, groups and group width; false unless planes double in each stage and all blocks follow one
  /// rule.
  private mutating func readWidths(
    _ network: ArchitectureDescription, kind: ArchitectureDescription.BlockKind
  ) -> Bool {
    let expansion = kind == .basic ? 1 : 4
    let base = network.stages[0][0].outputs / expansion
    let family = network.stages.count == 3 && network.hasCIFARStem ? 16 : 64
    if base != family { width = base }
    groups = network.stages[0][0].convolutions[1].groups
    let inner = network.stages[0][0].convolutions[1].outputs
    if kind == .bottleneck, base > 0, groups > 0 { groupWidth = inner * 64 / (base * groups) }
    for (stage, blocks) in network.stages.enumerated() {
      let planes = base << min(stage, 32)
      for block in blocks {
        guard block.outputs == planes * expansion, block.convolutions[1].groups == groups else {
          return false
        }
        guard kind == .bottleneck else { continue }
        guard block.convolutions[1].outputs == planes * groupWidth / 64 * groups else { return false }
      }
    }
    if groups > 1 {
      self.family = .resnext
    } else if groupWidth != 64 {
      guard groupWidth % 64 == 0 else { return false }
      self.family = .wide
    }
    return true
  }

  private mutating func readVariant(_ network: ArchitectureDescription) -> Bool {
    let projections = network.blocks.compactMap { block -> Bool? in
      switch block.shortcut {
      case .convolution: false
      case .averagePool: true
      case .identity, .free: nil
      }
    }
    guard Set(projections).count <= 1 else { return false }
    let averages = projections.first ?? false
    if case .convolution = network.stem.pool {
      guard averages, network.stem.isDeep else { return false }
      family = .resnetRS
      return true
    }
    if network.blocks.contains(where: { $0.convolutions[0].outputs * 2 == $0.convolutions[1].outputs }),
      groups == 64, depth == 152, hasSqueezeExcitation
    {
      family = .senet
      depth = 154
      groups = 1
      groupWidth = 64
      return true
    }
    guard network.stem.isDeep else { return !averages }
    let stem = network.stem.convolutions.map(\.outputs)
    let tiered = stem[0] * 4 == stem[1] * 3
    let isWide = stem[2] == 2 * (width ?? 64)
    switch (averages, tiered, isWide) {
    case (true, true, _): variant = "t"
    case (true, false, false): variant = "d"
    // timm calls its seresnextaa201d so, in spite of the wide stem.
    case (true, false, true): variant = depth == 201 ? "d" : "e"
    case (false, false, false): variant = "c"
    case (false, false, true): variant = "s"
    case (false, true, _): return false
    }
    return true
  }
}

// MARK: From text

extension ArchitectureName {
  private static let authorPrefixes = ["tf_", "tv_", "gluon_", "legacy_", "ssl_", "swsl_", "ig_", "fix"]
  private static let refused: [(piece: String, feature: String)] = [
    ("ecaresne", "ECA attention"), ("_gn", "group normalisation"),
    ("resnetv2", "a pre-activation ResNet (v2)"),
    ("preact", "a pre-activation ResNet"), ("_ibn", "instance-batch normalisation"),
    ("res2ne", "Res2Net blocks"), ("resnest", "split attention (ResNeSt)"),
    ("skresne", "selective kernel convolutions (SKNet)"), ("_clip", "attention pooling (CLIP)"),
    ("tresnet", "a TResNet"), ("iabn", "in-place activated batch norm"),
    ("regnet", "a RegNet"), ("efficientnet", "an EfficientNet"), ("vit_", "a vision transformer"),
    ("convnext", "a ConvNeXt"), ("densenet", "a DenseNet"), ("mobilenet", "a MobileNet"), ("vgg", "a VGG"),
  ]

  /// Parses a name of torchvision, timm or a model hub.
  ///
  /// - Throws: `ArchitectureError.unsupported` for a known network of another kind, `.unknownArchitecture`
  ///   for a name that is not recognised.
  package init(parsing name: String) throws(ArchitectureError) {
    let text = Self.normalise(name)
    for entry in Self.refused where text.contains(entry.piece) {
      throw .unsupported(feature: entry.feature, evidence: name)
    }
    guard var parsed = Self.parse(text) else {
      throw .unknownArchitecture(name: name, known: Self.examples)
    }
    parsed.isLegacy = Self.lastPart(name).hasPrefix("legacy_")
    self = parsed
  }

  /// `name` in lower case, without an owner (before a slash) and a tag (behind a dot), hyphens as
  /// underscores.
  private static func normalise(_ name: String) -> String {
    var text = lastPart(name)
    if text.hasSuffix("v1.5") { text = text.dropLast(4) + "v1_5" }
    if let dot = text.firstIndex(of: ".") { text = String(text[..<dot]) }
    for prefix in authorPrefixes where text.hasPrefix(prefix) { text = String(text.dropFirst(prefix.count)) }
    return text
  }

  /// `name` behind the last slash in lower case, hyphens as underscores.
  private static func lastPart(_ name: String) -> String {
    let text = name.lowercased()
    let last = text.lastIndex(of: "/").map { text[text.index(after: $0)...] } ?? text[...]
    return String(last.map { $0 == "-" ? "_" : $0 })
  }

  private static func parse(_ text: String) -> ArchitectureName? {
    var rest = Substring(text)
    var name = ArchitectureName(depth: 0)
    name.hasCIFARStem = rest.take("cifar_")
    name.hasSqueezeExcitation = !rest.hasPrefix("senet") && (rest.take("se_") || rest.take("se"))
    if rest.take("wide_resnet") {
      name.family = .wide
    } else if rest.take("resnext") {
      name.family = .resnext
    } else if rest.take("resnetrs") {
      name.family = .resnetRS
      name.hasSqueezeExcitation = true
    } else if rest.take("senet") {
      name.family = .senet
      name.hasSqueezeExcitation = true
    } else if !rest.take("resnet") {
      return nil
    }
    if rest.take("blur") {
      name.antiAliasing = .blur3
    } else if rest.take("aa") {
      name.antiAliasing = .average2
    }
    _ = rest.take("_")
    guard let depth = rest.takeNumber() else { return nil }
    name.depth = depth
    guard name.parseSuffixes(&rest), name.isConsistent else { return nil }
    return name
  }

  private mutating func parseSuffixes(_ rest: inout Substring) -> Bool {
    for letter in ["c", "d", "e", "s", "t"] where rest.first == Character(letter) {
      let next = rest.dropFirst().first
      guard next == nil || next == "_" || next == "w" else { continue }
      variant = letter
      rest = rest.dropFirst()
      break
    }
    while !rest.isEmpty {
      if rest.take("_v1_5") || rest.take("_v15") || rest.take("v1_5") {
        stridePlacement = .secondConvolution
      } else if rest.take("_v1b") {
        stridePlacement = .secondConvolution
      } else if rest.take("_v1c") || rest.take("_v1d") || rest.take("_v1e") || rest.take("_v1s") {
        variant = String(text(before: rest))
        stridePlacement = .secondConvolution
      } else if rest.take("_v1") {
        stridePlacement = .firstConvolution
      } else if rest.take("_cifar100") || rest.take("_cifar10") || rest.take("_cifar") {
        hasCIFARStem = true
      } else if rest.take("_wsl") {
        continue
      } else if rest.take("_w") || rest.take("w") {
        guard let value = rest.takeNumber() else { return false }
        width = value
      } else if rest.take("_") {
        guard let value = rest.takeNumber() else { return false }
        if rest.take("x"), let perGroup = rest.takeNumber(), rest.take("d") {
          groups = value
          groupWidth = perGroup
        } else if family == .wide, value < 64 {
          groupWidth = value * 64
        } else {
          return false
        }
      } else {
        return false
      }
    }
    return true
  }

  /// The letter just read: `v1d` gives `d`.
  private func text(before rest: Substring) -> Substring {
    rest.base[rest.base.index(before: rest.startIndex)..<rest.startIndex]
  }

  private var isConsistent: Bool {
    if family == .resnext { return groups > 1 && Self.depths[depth] != nil }
    if family == .wide { return groupWidth > 64 && Self.depths[depth] != nil }
    if family == .senet { return depth == 154 }
    if family == .resnetRS { return Self.depths[depth] != nil || Self.depthsRS[depth] != nil }
    return Self.depths[depth] != nil || (depth - 2) % 6 == 0 || (depth - 2) % 9 == 0
  }
}

extension Substring {
  /// Drops `prefix` where the text starts with it.
  fileprivate mutating func take(_ prefix: String) -> Bool {
    guard hasPrefix(prefix) else { return false }
    self = dropFirst(prefix.count)
    return true
  }

  /// Drops and returns a number of at most six digits.
  fileprivate mutating func takeNumber() -> Int? {
    let digits = prefix { $0.isASCII && $0.isNumber }
    guard (1...6).contains(digits.count), let value = Int(digits) else { return nil }
    self = dropFirst(digits.count)
    return value
  }
}
