/// What is known of a network beside its weights: from config.json, `--arch` and the other options.
package struct ArchitectureHints: Hashable, Sendable {
  package var stridePlacement: ArchitectureDescription.StridePlacement?
  package var batchNormEpsilon: Double?
  package var downsamplesInFirstStage: Bool?

  package init(
    stridePlacement: ArchitectureDescription.StridePlacement? = nil, batchNormEpsilon: Double? = nil,
    downsamplesInFirstStage: Bool? = nil
  ) {
    self.stridePlacement = stridePlacement
    self.batchNormEpsilon = batchNormEpsilon
    self.downsamplesInFirstStage = downsamplesInFirstStage
  }
}
