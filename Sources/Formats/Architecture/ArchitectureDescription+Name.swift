extension ArchitectureDescription {
  /// The network's usual name, or one that lists kind, depths and width where no family has it.
  package var name: String { ArchitectureName(self)?.text ?? customName }

  /// `custom_bottleneck_3x4x6x3_w24`
  private var customName: String {
    let kinds = Set(blocks.map(\.kind))
    let kind = kinds.count == 1 ? kinds.first!.rawValue : "mixed"
    let expansion = stages.first?.first?.kind == .bottleneck ? 4 : 1
    let width = (stages.first?.first?.outputs ?? stem.outputs) / expansion
    let prefix = hasCIFARStem ? "cifar_resnet" : "resnet"
    return "\(prefix)_\(kind)_" + depths.map(String.init).joined(separator: "x") + "_w\(width)"
  }
}
