/// Translates between a file's tensor names and torchvision's, which the rest of the compiler uses.
///
/// Where a network was found in the file, its tensors' names are a table; else they are translated by their
/// spelling alone.
package struct NameMap: Sendable {
  /// The family of names that the file uses.
  package var naming: TensorNaming
  /// The names of a network that was found; nil where none was.
  var learned: Learned?
  /// True where the names are those of a network that was found by its structure.
  var isFound: Bool { learned != nil }
  /// Components in front of every name that the translation leaves out.
  private var skipped = 0
  /// True where `layer0` of a SENet holds three convolutions.
  private let hasDeepLayer0: Bool
  private let hasLinearHead: Bool
  private let hasShortcutModules: Bool
  private let huggingFacePrefix: String

  /// Creates the map for a file whose tensors are called `names`.
  package init(names: [String]) {
    let parts = names.map(Self.parts)
    hasDeepLayer0 = parts.contains {
      $0.starts(with: ["layer0", "conv2"]) || $0.starts(with: ["layer0", "bn2"])
    }
    hasLinearHead = parts.contains { $0.first == "linear" }
    hasShortcutModules = parts.contains { $0.count > 3 && $0[2] == "shortcut" && $0[0].hasPrefix("layer") }
    huggingFacePrefix = parts.contains { $0.first == "resnet" } ? "resnet." : ""
    if parts.contains(where: { Self.isHuggingFace($0) }) {
      naming = .huggingFace
    } else if parts.contains(where: { $0.first == "layer0" || $0.contains("se_module") }) {
      naming = .senet
    } else if hasLinearHead || hasShortcutModules {
      naming = .cifar
    } else {
      naming = .torchvision
    }
  }

  /// The components of a name; no supported one has more than ten.
  private static func parts(_ name: String) -> [Substring] {
    name.split(separator: ".", maxSplits: 10, omittingEmptySubsequences: false)
  }

  /// The same translation for names with `components` more in front.
  func behind(components: Int) -> NameMap {
    var map = self
    map.skipped = components
    return map
  }

  private static func isHuggingFace(_ parts: [Substring]) -> Bool {
    let body = parts.first == "resnet" ? parts.dropFirst() : parts[...]
    return body.starts(with: ["encoder", "stages"]) || body.starts(with: ["embedder", "embedder"])
  }

  /// torchvision's name for the file's `name`; `name` itself where no rule applies.
  package func canonical(_ name: String) -> String {
    if let learned { return learned.table[name] ?? name }
    if skipped > 0 {
      let parts = name.split(separator: ".", maxSplits: skipped, omittingEmptySubsequences: false)
      guard parts.count > skipped else { return name }
      var plain = self
      plain.skipped = 0
      return plain.canonical(String(parts[skipped]))
    }
    let parts = Self.parts(name)
    return (canonicalStem(parts) ?? canonicalHead(parts) ?? canonicalBlock(parts)) ?? name
  }

  private func canonicalStem(_ parts: [Substring]) -> String? {
    let body = parts.first == "resnet" ? parts.dropFirst() : parts[...]
    if body.starts(with: ["embedder", "embedder"]), body.count == 4 {
      switch body[body.startIndex + 2] {
      case "convolution": return "conv1." + parts[parts.count - 1]
      case "normalization": return "bn1." + parts[parts.count - 1]
      default: return nil
      }
    }
    guard parts.count == 3, parts[0] == "layer0" else { return nil }
    let module: String
    switch (String(parts[1]), hasDeepLayer0) {
    case ("conv1", false): module = "conv1"
    case ("bn1", false): module = "bn1"
    case ("conv1", true): module = "conv1.0"
    case ("bn1", true): module = "conv1.1"
    case ("conv2", true): module = "conv1.3"
    case ("bn2", true): module = "conv1.4"
    case ("conv3", true): module = "conv1.6"
    case ("bn3", true): module = "bn1"
    default: return nil
    }
    return module + "." + parts[2]
  }

  private func canonicalHead(_ parts: [Substring]) -> String? {
    switch (parts.count, parts[0]) {
    case (2, "linear"), (2, "last_linear"), (2, "classifier"): return "fc." + parts[1]
    case (3, "classifier") where parts[1] == "1", (3, "head") where parts[1] == "fc": return "fc." + parts[2]
    default: return nil
    }
  }

  private func canonicalBlock(_ parts: [Substring]) -> String? {
    let body = Array(parts.first == "resnet" ? parts.dropFirst() : parts[...])
    if body.starts(with: ["encoder", "stages"]) { return canonicalHuggingFaceBlock(body) }
    guard parts.count >= 4, parts[0].hasPrefix("layer") else { return nil }
    var module = parts[2...].map(String.init)
    if module[0] == "se_module" { module[0] = "se" }
    if module[0] == "shortcut" { module[0] = "downsample" }
    return (parts[..<2].map(String.init) + module).joined(separator: ".")
  }

  /// `encoder.stages.S.layers.B.{layer.J|shortcut}.{convolution|normalization}.leaf`
  private func canonicalHuggingFaceBlock(_ body: [Substring]) -> String? {
    guard body.count >= 8, body[3] == "layers", let stage = Self.index(body[2]) else { return nil }
    let block = "layer\(stage + 1).\(body[4])."
    switch (body[5], body.count) {
    case ("shortcut", 8):
      guard let position = Self.position(of: body[6]) else { return nil }
      return block + "downsample.\(position)." + body[7]
    case ("layer", 9):
      guard let index = Self.index(body[6]), let position = Self.position(of: body[7]) else { return nil }
      return block + (position == 0 ? "conv" : "bn") + "\(index + 1)." + body[8]
    default: return nil
    }
  }

  private static func position(of module: Substring) -> Int? {
    switch module {
    case "convolution": return 0
    case "normalization": return 1
    default: return nil
    }
  }

  /// The value of a decimal index below 2^20 without sign or leading zeros; nil for any other text.
  package static func index(_ text: Substring) -> Int? {
    guard let value = Int(text), value >= 0, value < 1 << 20, String(value) == text else { return nil }
    return value
  }

  /// The name that a file of this family has for torchvision's `canonical`, for messages about missing
  /// tensors.
  package func sourceName(of canonical: String) -> String {
    guard let learned else { return spelledName(canonical) }
    return learned.sourceName(of: canonical) ?? learned.prefix + spelledName(canonical)
  }

  private func spelledName(_ canonical: String) -> String {
    let parts = canonical.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    guard parts.count >= 2, let leaf = parts.last else { return canonical }
    switch naming {
    case .torchvision, .detectron, .pytorchCV, .numbered, .other: return canonical
    case .cifar:
      if parts[0] == "fc" { return (hasLinearHead ? "linear." : "fc.") + leaf }
      guard parts.count > 3, parts[2] == "downsample", hasShortcutModules else { return canonical }
      return "\(parts[0]).\(parts[1]).shortcut." + parts[3...].joined(separator: ".")
    case .senet: return senetName(parts, canonical)
    case .huggingFace: return huggingFaceName(parts, canonical)
    }
  }

  private func senetName(_ parts: [String], _ canonical: String) -> String {
    let leaf = parts[parts.count - 1]
    let module = parts.dropLast().joined(separator: ".")
    let deep = [
      "conv1.0": "conv1", "conv1.1": "bn1", "conv1.3": "conv2", "conv1.4": "bn2", "conv1.6": "conv3",
      "bn1": "bn3",
    ]
    if module == "fc" { return "last_linear." + leaf }
    if parts[0] == "conv1" || parts[0] == "bn1" {
      return "layer0." + (hasDeepLayer0 ? deep[module] ?? module : module) + "." + leaf
    }
    guard parts.count > 3, parts[2] == "se" else { return canonical }
    return "\(parts[0]).\(parts[1]).se_module." + parts[3...].joined(separator: ".")
  }

  private func huggingFaceName(_ parts: [String], _ canonical: String) -> String {
    let leaf = parts[parts.count - 1]
    switch parts[0] {
    case "fc": return "classifier.1." + leaf
    case "conv1": return huggingFacePrefix + "embedder.embedder.convolution." + leaf
    case "bn1": return huggingFacePrefix + "embedder.embedder.normalization." + leaf
    default: break
    }
    guard parts.count >= 4, let stage = Int(parts[0].dropFirst(5)) else { return canonical }
    let block = huggingFacePrefix + "encoder.stages.\(stage - 1).layers.\(parts[1])."
    if parts[2] == "downsample" {
      return block + (parts[3] == "0" ? "shortcut.convolution." : "shortcut.normalization.") + leaf
    }
    if parts[2].hasPrefix("conv"), let index = Int(parts[2].dropFirst(4)) {
      return block + "layer.\(index - 1).convolution." + leaf
    }
    if parts[2].hasPrefix("bn"), let index = Int(parts[2].dropFirst(2)) {
      return block + "layer.\(index - 1).normalization." + leaf
    }
    return canonical
  }
}
