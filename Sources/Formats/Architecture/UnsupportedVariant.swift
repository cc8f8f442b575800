/// Networks that are not supported and can be told by their tensors' names, so that the refusal names them.
package enum UnsupportedVariant {
  /// A part of a parameter's name, and the ResNet variant that has it.
  private static let signs: [(piece: String, feature: String)] = [
    (".se.conv.", "ECA attention"),
    (".aa.", "anti-aliased (blurred) down-sampling"),
    (".filt", "anti-aliased (blurred) down-sampling"),
    (".convs.", "Res2Net blocks"),
    (".paths.", "selective kernel convolutions (SKNet)"),
    (".conv2.attn.", "selective kernel convolutions (SKNet)"),
    (".conv2.fc1.", "split attention (ResNeSt)"),
    (".gather_excite", "gather-excite attention"),
    (".conv1.gain", "weight-standardised convolutions (NF-ResNet)"),
    (".mask_block", "residual attention"),
    (".IN.", "instance-batch normalisation (IBN)"),
    (".bn1.bn.", "wrapped batch normalisation (in-place ABN or split batch norm)"),
    (".aux_bn.", "split batch normalisation"),
    ("attnpool.", "attention pooling (CLIP)"),
    ("_packed_params", "quantised layers"),
    (".weight_orig", "pruning masks or spectral norm still attached"),
    (".parametrizations.", "parametrised weights"),
    (".lora_", "LoRA adapters that were not merged"),
  ]

  /// A prefix of a parameter's name, and the family of networks that has it.
  private static let families: [(prefix: String, family: String)] = [
    ("bit.", "a pre-activation ResNet (BiT)"),
    ("resnetv2.", "a pre-activation ResNet (v2)"),
    ("regnet.", "a RegNet"), ("trunk_output.", "a RegNet"), ("s1.b1.", "a RegNet"),
    ("conv_stem.", "an EfficientNet or MobileNet"),
    ("features.", "a VGG, DenseNet, MobileNet or EfficientNet"),
    ("cls_token", "a vision transformer"), ("vit.", "a vision transformer"),
    ("patch_embed", "a vision transformer"), ("downsample_layers.", "a ConvNeXt"),
    ("convnext.", "a ConvNeXt"),
    ("stem.", "a RegNet, a ResNet of another layout or a pre-activation ResNet"),
    ("stages.", "a RegNet, a ConvNeXt or a pre-activation ResNet"),
    ("roberta.", "a language model"), ("bert.", "a language model"), ("transformer.", "a transformer"),
    ("model.embed_tokens", "a language model"),
  ]

  /// A more specific error than `error` where the names are those of an unsupported variant; else `error`.
  package static func explain(_ error: ArchitectureError, _ weights: WeightShapes) -> ArchitectureError {
    let names = weights.canonicalNames
    let hasBody = names.contains { $0.hasPrefix("layer1.0.") }
    let hasStem = weights.hasModule("conv1") || weights.hasModule("conv1.0")
    guard hasBody || hasStem else { return refusal(weights) }
    if hasBody, let feature = normalisation(weights) { return feature }
    if case .missingTensor(weights.fileName(of: "bn1.weight"), _) = error, hasBody, !weights.hasModule("bn1")
    {
      return .unsupported(
        feature: "a stem without a batch norm (a pre-activation ResNet, or one whose batch norms are folded)",
        evidence: weights.fileName(of: "conv1.weight"))
    }
    if !hasStem,
      let stem = names.first(where: { !$0.hasPrefix("layer") && weights[$0]?.dropFirst() == [48, 3, 3] })
    {
      return .unsupported(
        feature: "a stem that reads blocks of 4x4 pixels (TResNet)", evidence: weights.fileName(of: stem))
    }
    if !weights.names.isFound, let family = family(weights) { return family }
    for name in names where isTelling(name) {
      if let sign = signScanner.first(in: Array(name.utf8)) {
        return .unsupported(feature: signs[sign].feature, evidence: weights.fileName(of: name))
      }
    }
    return error
  }

  /// True for names under the network's own modules: a buffer elsewhere says nothing about the network.
  private static func isTelling(_ name: String) -> Bool {
    ["layer", "conv1", "bn1", "maxpool", "attnpool"].contains { name.hasPrefix($0) }
  }

  /// Batch norms that a ResNet does not have in this way: none, without statistics, or before convolutions.
  private static func normalisation(_ weights: WeightShapes) -> ArchitectureError? {
    let names = weights.canonicalNames
    guard names.contains(where: { $0.hasSuffix(".running_mean") }) else {
      guard let norm = names.first(where: { $0.hasSuffix("bn1.weight") && weights[$0]?.count == 1 }) else {
        return .unsupported(
          feature: "a ResNet without batch norms (never there, or folded into the convolutions)",
          evidence: "no running_mean")
      }
      return .unsupported(
        feature: "normalisation without running statistics (group norm)", evidence: weights.fileName(of: norm)
      )
    }
    for name in names where name.hasPrefix("layer") && name.hasSuffix(".bn1.weight") {
      let convolution = String(name.dropLast("bn1.weight".count)) + "conv1.weight"
      guard let channels = weights[name], let shape = weights[convolution], shape.count == 4,
        channels == [shape[1]], shape[1] != shape[0]
      else { continue }
      return .unsupported(
        feature: "a pre-activation ResNet (v2): batch norms before their convolutions",
        evidence: weights.fileName(of: name))
    }
    return nil
  }

  private static func refusal(_ weights: WeightShapes) -> ArchitectureError {
    if let family = family(weights) { return family }
    let names = weights.canonicalNames.prefix(4).map { weights.fileName(of: $0) }
    return .notAResNet(found: Array(names), tensorCount: weights.canonicalNames.count)
  }

  /// The family of networks that the names are of, whatever stands above them.
  private static func family(_ weights: WeightShapes) -> ArchitectureError? {
    for name in weights.canonicalNames where UnsupportedFamily.showsFeature(in: name) {
      let parts = name.split(separator: ".", omittingEmptySubsequences: false)
      if let feature = UnsupportedFamily.feature(parts) {
        return .unsupported(feature: feature, evidence: weights.fileName(of: name))
      }
    }
    for name in weights.canonicalNames {
      let text = Array(name.utf8)
      if let sign = signScanner.first(in: text) {
        return .unsupported(feature: signs[sign].feature, evidence: weights.fileName(of: name))
      }
      if let family = familyScanner.first(in: [UInt8(ascii: ".")] + text) {
        return .unsupported(feature: families[family].family, evidence: weights.fileName(of: name))
      }
    }
    return nil
  }

  private static let signScanner = NameScanner(signs.map(\.piece))
  /// A family's prefix counts at the start of a name and behind any dot.
  private static let familyScanner = NameScanner(families.map { "." + $0.prefix })
}
