/// The maps that meet at the end of the last block: what its last batch norm reads, and the shortcut.
package struct LastBlockMaps {
  /// `[samples, 2, channels, positions]`: the batch norm's input x, then the shortcut r.
  package let base: UnsafePointer<Float>
  /// Channels of each map.
  package let channels: Int
  /// Positions of each map, height times width.
  package let positions: Int

  /// The maps at `base`, which must outlive this value.
  package init(base: UnsafePointer<Float>, channels: Int, positions: Int) {
    (self.base, self.channels, self.positions) = (base, channels, positions)
  }

  /// Floats of a sample's two maps.
  package var floatsPerSample: Int { 2 * channels * positions }

  /// The row `[positions]` that the batch norm reads of `channel` in `sample`.
  @inline(__always)
  package func batchNormInput(_ sample: Int, _ channel: Int) -> UnsafePointer<Float> {
    base + (sample &* floatsPerSample &+ channel &* positions)
  }

  /// The row `[positions]` of `channel` in `sample` that is added to the batch norm's output.
  @inline(__always)
  package func shortcut(_ sample: Int, _ channel: Int) -> UnsafePointer<Float> {
    base + (sample &* floatsPerSample &+ (channels &+ channel) &* positions)
  }

  /// Mean and sum of squared distances from it of one channel's batch-norm input over `samples`.
  package func moments(_ samples: ArraySlice<Int>, _ channel: Int) -> (mean: Double, squares: Double) {
    var sum = 0.0
    for sample in samples {
      let x = batchNormInput(sample, channel)
      for position in 0..<positions { sum += Double(x[position]) }
    }
    let mean = sum / Double(samples.count &* positions)
    var squares = 0.0
    for sample in samples {
      let x = batchNormInput(sample, channel)
      for position in 0..<positions {
        let distance = Double(x[position]) - mean
        squares += distance * distance
      }
    }
    return (mean, squares)
  }
}

/// One channel from the last batch norm on: f = mean over positions of ReLU(gamma x^ + beta + r).
package struct LastBlockChannel: Hashable, Sendable {
  /// Scale and shift of the batch norm.
  package let gamma, beta: Double
  /// The mean that is subtracted.
  package private(set) var mean: Double
  /// 1 / sqrt(variance + epsilon).
  package private(set) var inverseDeviation: Double

  /// A channel of these parameters and statistics.
  package init(gamma: Double, beta: Double, mean: Double, inverseDeviation: Double) {
    (self.gamma, self.beta, self.mean, self.inverseDeviation) = (gamma, beta, mean, inverseDeviation)
  }

  /// Replaces the statistics.
  package mutating func normalise(mean: Double, inverseDeviation: Double) {
    (self.mean, self.inverseDeviation) = (mean, inverseDeviation)
  }

  /// What one channel of one sample gives.
  package struct Pooled {
    /// The pooled feature f.
    package let feature: Double
    /// df/dgamma and df/dbeta: the mean of x^ over the active positions, and their share.
    package let byGamma: Double
    /// df/dbeta: the share of active positions.
    package let byBeta: Double
  }

  /// The pooled feature of rows of `positions` values, and its derivatives.
  @inline(__always)
  package func pool(_ x: UnsafePointer<Float>, _ r: UnsafePointer<Float>, positions: Int) -> Pooled {
    let scale = gamma * inverseDeviation
    let offset = beta - mean * scale
    var (sum, active, activeSum) = (0.0, 0.0, 0.0)
    for index in 0..<positions {
      let value = Double(x[index])
      let z = value * scale + offset + Double(r[index])
      let isActive = z > 0 ? 1.0 : 0.0
      sum += z > 0 ? z : 0
      active += isActive
      activeSum += isActive * value
    }
    let share = 1 / Double(positions)
    return Pooled(
      feature: sum * share, byGamma: (activeSum - active * mean) * inverseDeviation * share,
      byBeta: active * share)
  }

  /// dL/dx `[samples, positions]` over a batch, where `slopes` are dL/df of its samples.
  ///
  /// gamma / deviation times da where the statistics are fixed; less (dbeta + x^ dgamma) / M where they are those
  /// of the batch's M values themselves and so move with x (Ioffe and Szegedy, "Batch normalization", 2015).
  package func inputGradient(
    _ maps: LastBlockMaps, _ channel: Int, _ samples: ArraySlice<Int>, slopes: [Double],
    statisticsOfBatch: Bool
  ) -> [Double] {
    let positions = maps.positions
    var gradient: [Double] = []
    gradient.reserveCapacity(samples.count * positions)
    var (byGamma, byBeta) = (0.0, 0.0)
    for (sample, slope) in zip(samples, slopes) {
      let (x, r) = (maps.batchNormInput(sample, channel), maps.shortcut(sample, channel))
      for position in 0..<positions {
        let normal = (Double(x[position]) - mean) * inverseDeviation
        let isActive = gamma * normal + beta + Double(r[position]) > 0
        let slope = isActive ? slope / Double(positions) : 0
        gradient.append(slope)
        byGamma += slope * normal
        byBeta += slope
      }
    }
    let share = statisticsOfBatch ? 1 / Double(max(gradient.count, 1)) : 0
    var index = 0
    for sample in samples {
      let x = maps.batchNormInput(sample, channel)
      for position in 0..<positions {
        let normal = (Double(x[position]) - mean) * inverseDeviation
        gradient[index] = gamma * inverseDeviation * (gradient[index] - share * (byBeta + normal * byGamma))
        index += 1
      }
    }
    return gradient
  }
}

/// The last batch norm, the sum with the shortcut, ReLU and the global average after it.
package struct LastBlockHead: Hashable, Sendable {
  /// Scales, one a channel.
  package var gamma: [Double]
  /// Shifts, one a channel.
  package var beta: [Double]
  /// Means, one a channel.
  package private(set) var mean: [Double] = []
  /// 1 / sqrt(variance + epsilon).
  package private(set) var inverseDeviation: [Double] = []
  /// What is added to a variance.
  package let epsilon: Double

  /// The head of a batch norm with these parameters and statistics.
  package init(gamma: [Float], beta: [Float], statistics: BatchNormStatistics, epsilon: Double) {
    self.gamma = gamma.map(Double.init)
    self.beta = beta.map(Double.init)
    self.epsilon = epsilon
    normalise(by: statistics)
  }

  /// Number of channels.
  package var channels: Int { gamma.count }

  /// Replaces the statistics.
  package mutating func normalise(by statistics: BatchNormStatistics) {
    mean = statistics.mean.map(Double.init)
    inverseDeviation = statistics.variance.map { inverse(Double($0)) }
  }

  /// 1 / sqrt(variance + epsilon).
  package func inverse(_ variance: Double) -> Double { 1 / (variance + epsilon).squareRoot() }

  /// Parameters and statistics of one channel.
  @inline(__always)
  package subscript(channel: Int) -> LastBlockChannel {
    LastBlockChannel(
      gamma: gamma[channel], beta: beta[channel], mean: mean[channel],
      inverseDeviation: inverseDeviation[channel])
  }

  /// The pooled features `[samples, stride]` of the samples of `maps` in `range`, rows padded with zeros.
  package func features(
    _ maps: LastBlockMaps, _ range: Range<Int>, stride: Int, into target: UnsafeMutablePointer<Float>
  ) {
    for sample in range {
      let row = target + (sample - range.lowerBound) * stride
      for channel in 0..<channels {
        let pooled = self[channel].pool(
          maps.batchNormInput(sample, channel), maps.shortcut(sample, channel), positions: maps.positions)
        row[channel] = Float(pooled.feature)
      }
      (row + channels).update(repeating: 0, count: stride - channels)
    }
  }
}
