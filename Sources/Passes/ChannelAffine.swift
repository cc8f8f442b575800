import FixresIR

/// A batch norm as the map `scale * x + shift` of each channel, in double.
struct ChannelAffine {
  var scale: [Double]
  var shift: [Double]

  /// The map of the batch norm `node`; nil where a parameter is not a constant.
  ///
  /// - Throws: `nonFiniteParameter`, `variance`.
  static func make(of node: NodeID, _ context: inout PassContext) throws(PassError) -> ChannelAffine? {
    guard case .batchNorm(let norm) = context.rewriter[node].op else { return nil }
    let operands = context.rewriter[node].operands
    guard let gamma = context.tensor(of: operands[1])?.floats,
      let beta = context.tensor(of: operands[2])?.floats,
      let mean = context.tensor(of: operands[3])?.floats,
      let variance = context.tensor(of: operands[4])?.floats
    else { return nil }
    for (operand, values) in zip(operands[1...3], [gamma, beta, mean]) {
      let count = values.count { !$0.isFinite }
      guard count == 0 else {
        throw .nonFiniteParameter(
          tensor: context.rewriter[operand].name,
          layer: context.rewriter[context.rewriter[node].result].name, count: count)
      }
    }
    var map = ChannelAffine(scale: [], shift: [])
    map.scale.reserveCapacity(gamma.count)
    map.shift.reserveCapacity(gamma.count)
    let varianceName = context.rewriter[operands[4]].name
    for channel in gamma.indices {
      let spread = Double(variance[channel]) + norm.epsilon
      guard spread > 0, spread.isFinite else {
        throw .variance(
          tensor: varianceName, channel: channel, value: variance[channel], epsilon: norm.epsilon)
      }
      let scale = Double(gamma[channel]) / spread.squareRoot()
      map.scale.append(scale)
      map.shift.append(Double(beta[channel]) - Double(mean[channel]) * scale)
    }
    let negativeCount = variance.count { $0 < 0 }
    if negativeCount > 0 { context.note(.negativeVariance(tensor: varianceName, count: negativeCount)) }
    return map
  }

  /// The composition: this map, then `next`.
  func followed(by next: ChannelAffine) -> ChannelAffine {
    ChannelAffine(
      scale: zip(scale, next.scale).map { $0 * $1 },
      shift: zip(zip(shift, next.shift), next.scale).map { $0.0 * $1 + $0.1 })
  }
}
