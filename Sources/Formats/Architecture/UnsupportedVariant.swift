/// Relatives of the ResNet whose names give them away, so that they are refused by their own name.
package enum UnsupportedVariant {
  /// A piece of a parameter's name and the variant that has it.
  private static let signs: [(piece: String, feature: String)] = [
    (".se.conv.", "ECA attention"),
    (".aa.", "anti-aliased (blurred) down-sampling"),
    (".filt", "anti-aliased (blurred) down-sampling"),
    (".convs.", "Res2Net blocks"),
    (".conv2.paths.", "selective kernel convolutions (SKNet)"),
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

  /// First components of names that other families of networks have.
  private static let families: [(prefix: String, family: String)] = [
    ("bit.", "a pre-activation ResNet (BiT)"),
    ("resnetv2.", "a pre-activation ResNet (v2)"),
    ("regnet.", "a RegNet"), ("trunk_output.", "a RegNet"), ("s1.b1.", "a RegNet"),
    ("conv_stem.", "an EfficientNet or MobileNet"),
    ("features.", "a VGG, DenseNet, MobileNet or EfficientNet"),
    ("cls_token", "a vision transformer"), ("vit.", "a vision transformer"),
    ("patch_embed", "a vision transformer"), ("downsample_layers.", "a ConvNeXt"),
    ("convnext.", "a ConvNeXt"),
    ("roberta.", "a language model"), ("bert.", "a language model"), ("transformer.", "a transformer"),
    ("model.embed_tokens", "a language model"),
  ]

  package static func check(_ weights: WeightShapes) throws(ArchitectureError) {
    let names = weights.canonicalNames
    let hasBody = names.contains { $0.hasPrefix("layer1.0.") }
    guard hasBody || weights.hasModule("conv1") || weights.hasModule("conv1.0") || weights.hasModule("fc")
    else { throw refusal(weights) }
    for name in names {
      // A counter or a buffer beside the network is no sign of another network.
      guard
        name.hasPrefix("layer") || name.hasPrefix("conv1") || name.hasPrefix("bn1")
          || name.hasPrefix("maxpool")
          || name.hasPrefix("attnpool")
      else { continue }
      for sign in signs where name.contains(sign.piece) {
        throw .unsupported(feature: sign.feature, evidence: weights.fileName(of: name))
      }
    }
    let hasStatistics = names.contains { $0.hasSuffix(".running_mean") }
    if hasBody, !hasStatistics, weights.contains("bn1.weight") {
      throw .unsupported(
        feature: "normalisation without running statistics (group norm)",
        evidence: weights.fileName(of: "bn1.weight"))
    }
    if !hasBody, !names.contains(where: { $0.hasPrefix("layer") }) { throw refusal(weights) }
  }

  private static func refusal(_ weights: WeightShapes) -> ArchitectureError {
    for name in weights.canonicalNames {
      for family in families where name.hasPrefix(family.prefix) {
        return .unsupported(feature: family.family, evidence: weights.fileName(of: name))
      }
    }
    let names = weights.canonicalNames.prefix(4).map { weights.fileName(of: $0) }
    return .notAResNet(found: Array(names), tensorCount: weights.canonicalNames.count)
  }
}
