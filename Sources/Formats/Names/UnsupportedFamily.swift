/// Networks of residual blocks that are no ResNet in the sense of this compiler, by components of their names.
enum UnsupportedFamily {
  private static let signs: [Substring: String] = [
    "conv1_1x1": byob, "conv1_kxk": byob, "conv2_kxk": byob,
    "conv_pw": "an EfficientNet or MobileNet", "conv_dw": "an EfficientNet or MobileNet",
    "conv_pwl": "an EfficientNet or MobileNet", "denselayer1": "a DenseNet", "denseblock1": "a DenseNet",
    "branches": "an HRNet", "fuse_layers": "an HRNet", "transition1": "an HRNet or DenseNet",
    "trunk_output": "a RegNet", "conv_exp": "a CSPNet (cross-stage partial)",
    "conv_transition": "a CSPNet (cross-stage partial)",
    "conv_transition_b": "a CSPNet (cross-stage partial)",
    "self_attn": "self-attention blocks (BoTNet, HaloNet, LambdaNet)", "tree1": "a DLA",
    "branch2": "parallel branches (ShuffleNet, Inception)",
    "attnpool": "attention pooling (CLIP)", "post_activ": "a pre-activation ResNet (v2)",
    "gain": "weight-standardised convolutions (NF-ResNet)", "gn1": groupNorm, "gn2": groupNorm,
    "paths": "selective kernel convolutions (SKNet)", "convs": "Res2Net blocks",
    "aux_bn": "split batch normalisation", "IN": "instance-batch normalisation (IBN)",
    "patch_embed": "a vision transformer", "cls_token": "a vision transformer",
    "prelu": "PReLU activations (ArcFace's IResNet)", "relative_position_bias_table": "a transformer",
  ]
  /// Last components of tensors that stand for a weight which is computed from them.
  private static let reparametrised: [Substring: String] = [
    "weight_g": weightNorm, "weight_v": weightNorm, "original0": weightNorm, "original1": weightNorm,
    "weight_u": "spectral norm", "weight_orig": "pruning masks or spectral norm still attached",
    "weight_mask": "pruning masks still attached", "original": "parametrised weights",
    "lora_A": "LoRA adapters that were not merged", "_packed_params": "quantised layers",
  ]
  private static let weightNorm = "weight norm (a weight as length and direction)"
  private static let byob = "a network of timm's ByobNet (GENet, RegNet-Z, RepVGG, ResNet-51Q and others)"
  private static let groupNorm = "normalisation without running statistics (group norm)"

  /// What the tensor `path` shows of a weight that is computed from others; nil where it shows nothing.
  static func reparametrisation(_ path: [Substring]) -> String? {
    path.suffix(2).compactMap { reparametrised[$0] }.first
  }

  private static let scanner = NameScanner(
    (Array(signs.keys) + Array(reparametrised.keys) + ["s1"]).map { ".\($0)." }.sorted())

  /// Whether `feature` finds something in the dotted `name`; far faster where it does not.
  static func showsFeature(in name: String) -> Bool {
    let dot = UInt8(ascii: ".")
    return scanner.first(in: [dot] + Array(name.utf8) + [dot]) != nil
  }

  /// What the name `path` shows to be unsupported; nil where it shows nothing.
  static func feature(_ path: [Substring]) -> String? {
    if let feature = reparametrisation(path) { return feature }
    for (index, part) in path.enumerated() {
      if let feature = signs[part] { return feature }
      if part == "b1", index > 0, path[index - 1] == "s1" { return "a RegNet" }
    }
    return nil
  }
}
