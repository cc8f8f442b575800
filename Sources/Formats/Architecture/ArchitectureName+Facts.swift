extension ArchitectureName {
  /// What the name states in so many words, whatever the weights are.
  package var statedFacts: [NetworkFact] {
    var facts: [NetworkFact] = []
    if let stridePlacement { facts.append(.strideOn(stridePlacement)) }
    if antiAliasing != .none { facts.append(.antiAlias(antiAliasing)) }
    return facts
  }

  /// What the published network of this name computes, as far as the weights of `network` leave it open; nothing where
  /// they are those of another stem.
  ///
  /// - Parameter isVariant: True where arguments beside the name change widths, depths or stem.
  package func impliedFacts(of network: InferredArchitecture, isVariant: Bool = false) -> [NetworkFact] {
    let description = network.description
    if isVariant {
      guard description.hasCIFARStem == hasCIFARStem else { return [] }
    } else {
      guard let found = ArchitectureName(description), accepts(found), found.hasCIFARStem == hasCIFARStem
      else { return [] }
    }
    let isCaffe = isLegacy || network.naming == .senet
    let isPlain = description.blocks.allSatisfy { $0.kind == .bottleneck && $0.convolutions[1].groups == 1 }
    let isBasic = description.blocks.allSatisfy { $0.kind == .basic }
    let stages = description.stages.count
    var facts: [NetworkFact] = [
      .activation(BlockActivation(.relu)), .strides(StageStrides(network.usualStrides)),
      .dilations(StageDilations([Int](repeating: 1, count: stages))),
      .strideOn(isCaffe && isPlain ? .firstConvolution : .secondConvolution),
      .stemStride(hasCIFARStem ? 1 : 2), .antiAlias(antiAliasing),
      .gate(isCaffe && isBasic ? .sigmoidBehindRelu : .sigmoid), .batchNormEpsilon(1e-5),
      .outputs(.logits),
    ]
    if case .plain = description.stem.pool {
      facts.append(.stemPool(hasCIFARStem ? .none : isCaffe ? .maxCeil : .max))
    }
    if !network.hasPoolExponent, description.pool == .average { facts.append(.pool(.average)) }
    return facts
  }
}
