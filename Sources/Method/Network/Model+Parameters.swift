import FixresIR

extension Model {
  /// The constant `name` as an array; empty where there is none.
  package func values(_ name: String) -> [Float] { constants[name]?.floats ?? [] }

  /// Statistics that the batch norm `norm` holds.
  package func statistics(of norm: NetworkTail.Norm) -> BatchNormStatistics {
    BatchNormStatistics(mean: values(norm.mean), variance: values(norm.variance))
  }

  /// Gives the batch norm `norm` other statistics.
  ///
  /// - Throws: `IRError.unknownValue` or `constantShape` where `norm` is not a batch norm of this model.
  package mutating func set(
    _ statistics: BatchNormStatistics, of norm: NetworkTail.Norm
  ) throws(IRError) {
    try setConstant(norm.mean, to: Tensor(shape: [norm.channels], statistics.mean))
    try setConstant(norm.variance, to: Tensor(shape: [norm.channels], statistics.variance))
  }
}
