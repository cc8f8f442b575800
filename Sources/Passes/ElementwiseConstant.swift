import FixresIR

/// Element-wise operations over constants.
enum ElementwiseConstant {
  /// Whether `op` is element-wise.
  static func covers(_ op: Op) -> Bool {
    switch op.computation {
    case .copy, .elementwise, .sum, .product: true
    case .batchNorm, .channelProduct, .convolution, .linear, .pool, .globalPool, .generalizedMean, .flatten,
      .stridedSlice, .channelPad, .concat, .reflectPad, .softmax:
      false
    }
  }

  /// `op` over `sources`, whose shapes agree; nil for an operation that is not element-wise.
  static func evaluate(_ op: Op, _ sources: [Tensor]) -> Tensor? {
    guard let first = sources.first else { return nil }
    switch op.computation {
    case .copy: return first
    case .elementwise(let op): return Tensor(shape: first.shape, op.preciseValues(at: first.floats))
    case .sum:
      guard sources.count == 2, sources[1].shape == first.shape else { return nil }
      return Tensor(shape: first.shape, zip(first.floats, sources[1].floats).map { $0 + $1 })
    case .product:
      guard sources.count == 2, sources[1].shape == first.shape else { return nil }
      return Tensor(shape: first.shape, zip(first.floats, sources[1].floats).map { $0 * $1 })
    case .batchNorm, .channelProduct, .convolution, .linear, .pool, .globalPool, .generalizedMean, .flatten,
      .stridedSlice, .channelPad, .concat, .reflectPad, .softmax:
      return nil
    }
  }
}
