/// Facts of a network that its weights do not tell, from `config.json`, `--arch` and other options; nil:
/// unknown.
package struct ArchitectureHints: Hashable, Sendable {
  /// Which convolution of a bottleneck has the stride.
  package var stridePlacement: ArchitectureDescription.StridePlacement?
  /// Epsilon of every batch norm.
  package var batchNormEpsilon: Double?
  /// True where the first stage has stride 2, as Hugging Face's `downsample_in_first_stage` says.
  package var downsamplesInFirstStage: Bool?

  /// Creates hints; each fact is unknown unless given.
  package init(
    stridePlacement: ArchitectureDescription.StridePlacement? = nil, batchNormEpsilon: Double? = nil,
    downsamplesInFirstStage: Bool? = nil
  ) {
    self.stridePlacement = stridePlacement
    self.batchNormEpsilon = batchNormEpsilon
    self.downsamplesInFirstStage = downsamplesInFirstStage
  }
}
