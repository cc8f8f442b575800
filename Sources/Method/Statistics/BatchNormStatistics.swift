/// A batch norm's mean and variance, channel by channel.
package struct BatchNormStatistics: Hashable, Sendable {
  /// Means, one a channel.
  package var mean: [Float]
  /// Variances, one a channel.
  package var variance: [Float]

  /// The statistics `mean` and `variance`, one value a channel.
  package init(mean: [Float], variance: [Float]) { (self.mean, self.variance) = (mean, variance) }

  /// The exact statistics of what was seen.
  package init(_ moments: ChannelMoments) {
    mean = moments.means.map { Float($0) }
    variance = moments.variances.map { Float($0) }
  }

  /// These statistics of `images` images mixed with `source`, which counts as `prior` images
  /// (Schneider et al., "Improving robustness against common corruptions by covariate shift adaptation", 2020).
  package func blended(images: Int, source: BatchNormStatistics, prior: Double) -> BatchNormStatistics {
    let n = Double(images)
    guard n + prior > 0 else { return source }
    func mixed(_ target: [Float], _ source: [Float]) -> [Float] {
      zip(target, source).map { Float((n * Double($0) + prior * Double($1)) / (n + prior)) }
    }
    return BatchNormStatistics(
      mean: mixed(mean, source.mean), variance: mixed(variance, source.variance))
  }

  /// One update as torch makes it in training: exponential averages with `momentum`, the variance unbiased.
  package mutating func update(with batch: ChannelMoments, momentum: Double = 0.1) {
    let unbiased = batch.unbiasedVariances
    for channel in mean.indices {
      mean[channel] = Float((1 - momentum) * Double(mean[channel]) + momentum * batch.means[channel])
      variance[channel] = Float(
        (1 - momentum) * Double(variance[channel]) + momentum * unbiased[channel])
    }
  }
}
