import Testing

/// How a library spells the names that torchvision gives to the tensors of a ResNet.
struct TensorSpelling: Sendable, CustomTestStringConvertible {
  var title: String
  /// `conv1`, `bn1` and `fc`.
  var stem: (convolution: String, norm: String)
  var head: String
  /// The path of block B of stage S, both from 0.
  var block: @Sendable (Int, Int) -> String
  /// The convolutions and batch norms of the main path, from 1.
  var convolution: @Sendable (Int) -> String
  var norm: @Sendable (Int) -> String
  var shortcut: (convolution: String, norm: String)

  var testDescription: String { title }

  /// The name for torchvision's `name`.
  func callAsFunction(_ name: String) -> String {
    let parts = name.split(separator: ".").map(String.init)
    let leaf = "." + parts[parts.count - 1]
    switch parts[0] {
    case "conv1": return stem.convolution + leaf
    case "bn1": return stem.norm + leaf
    case "fc": return head + leaf
    default: break
    }
    guard let stage = Int(parts[0].dropFirst(5)), let index = Int(parts[1]) else { return name }
    let module = parts[2]
    let inner =
      if module == "downsample" {
        parts[3] == "0" ? shortcut.convolution : shortcut.norm
      } else if module.hasPrefix("conv") {
        convolution(Int(module.dropFirst(4)) ?? 0)
      } else {
        norm(Int(module.dropFirst(2)) ?? 0)
      }
    return block(stage - 1, index) + "." + inner + leaf
  }

  static let all = [
    TensorSpelling(
      title: "detectron2", stem: ("backbone.bottom_up.stem.conv1", "backbone.bottom_up.stem.conv1.norm"),
      head: "backbone.bottom_up.linear", block: { "backbone.bottom_up.res\($0 + 2).\($1)" },
      convolution: { "conv\($0)" }, norm: { "conv\($0).norm" }, shortcut: ("shortcut", "shortcut.norm")),
    TensorSpelling(
      title: "pytorchcv", stem: ("features.init_block.conv.conv", "features.init_block.conv.bn"),
      head: "output", block: { "features.stage\($0 + 1).unit\($1 + 1)" },
      convolution: { "body.conv\($0).conv" }, norm: { "body.conv\($0).bn" },
      shortcut: ("identity_conv.conv", "identity_conv.bn")),
    TensorSpelling(
      title: "weiaicunzai", stem: ("conv1.0", "conv1.1"), head: "fc", block: { "conv\($0 + 2)_x.\($1)" },
      convolution: { "residual_function.\(3 * $0 - 3)" }, norm: { "residual_function.\(3 * $0 - 2)" },
      shortcut: ("shortcut.0", "shortcut.1")),
    TensorSpelling(
      title: "children by number", stem: ("0", "1"), head: "9", block: { "\($0 + 4).\($1)" },
      convolution: { "conv\($0)" }, norm: { "bn\($0)" }, shortcut: ("downsample.0", "downsample.1")),
    TensorSpelling(
      title: "children without pool", stem: ("f.0", "f.1"), head: "classifier",
      block: { "f.\($0 + 3).\($1)" },
      convolution: { "conv\($0)" }, norm: { "bn\($0)" }, shortcut: ("downsample.0", "downsample.1")),
    TensorSpelling(
      title: "fastai", stem: ("0.0", "0.1"), head: "1.2", block: { "0.\($0 + 4).\($1)" },
      convolution: { "conv\($0)" }, norm: { "bn\($0)" }, shortcut: ("downsample.0", "downsample.1")),
    TensorSpelling(
      title: "mmpretrain", stem: ("backbone.conv1", "backbone.bn1"), head: "head.fc",
      block: { "backbone.layer\($0 + 1).\($1)" }, convolution: { "conv\($0)" }, norm: { "bn\($0)" },
      shortcut: ("downsample.0", "downsample.1")),
    TensorSpelling(
      title: "layers in a list", stem: ("trunk.conv", "trunk.norm"), head: "trunk.head",
      block: { "trunk.layers.\($0).\($1)" }, convolution: { "conv\($0)" }, norm: { "norm\($0)" },
      shortcut: ("skip.0", "skip.1")),
    TensorSpelling(
      title: "left and right", stem: ("stem.0", "stem.1"), head: "answer", block: { "block\($0 + 1).\($1)" },
      convolution: { "left.\(3 * $0 - 3)" }, norm: { "left.\(3 * $0 - 2)" }, shortcut: ("right.0", "right.1")),
    TensorSpelling(
      title: "words of no library", stem: ("first.filter", "first.scale"), head: "answer",
      block: { "body.group\($0 + 1).cell\($1)" }, convolution: { "step\($0).filter" },
      norm: { "step\($0).scale" }, shortcut: ("other.filter", "other.scale")),
  ]
}
