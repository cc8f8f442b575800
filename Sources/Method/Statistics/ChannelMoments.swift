/// Mean and variance of each channel over images and positions, merged exactly
/// (Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances", 1979).
package struct ChannelMoments: Hashable, Sendable {
  /// Values of each channel so far.
  package private(set) var count = 0
  /// Images so far.
  package private(set) var images = 0
  /// The mean of each channel.
  package private(set) var means: [Double]
  /// Sums of squared distances from the mean.
  package private(set) var squares: [Double]

  /// Moments of nothing yet.
  package init(channels: Int) {
    means = [Double](repeating: 0, count: channels)
    squares = [Double](repeating: 0, count: channels)
  }

  /// What was seen elsewhere: `squares` are sums of squared distances from `means`.
  package init(count: Int, images: Int, means: [Double], squares: [Double]) {
    precondition(
      means.count == squares.count, "\(means.count) means don't fit \(squares.count) sums of squares")
    (self.count, self.images, self.means, self.squares) = (count, images, means, squares)
  }

  /// Number of channels.
  package var channels: Int { means.count }

  /// Those of one image's map `[C, positions]`.
  package init(of map: UnsafePointer<Float>, channels: Int, positions: Int) {
    self.init(channels: channels)
    guard positions > 0 else { return }
    (count, images) = (positions, 1)
    for channel in 0..<channels {
      let row = map + channel &* positions
      var sum = 0.0
      for index in 0..<positions { sum += Double(row[index]) }
      let mean = sum / Double(positions)
      var square = 0.0
      for index in 0..<positions {
        let distance = Double(row[index]) - mean
        square += distance * distance
      }
      (means[channel], squares[channel]) = (mean, square)
    }
  }

  /// Takes in one image's map `[C, positions]`.
  package mutating func add(_ map: UnsafePointer<Float>, positions: Int) {
    merge(ChannelMoments(of: map, channels: channels, positions: positions))
  }

  /// Takes in what `other` has seen.
  package mutating func merge(_ other: ChannelMoments) {
    precondition(channels == other.channels, "moments of \(other.channels) channels don't fit \(channels)")
    guard other.count > 0 else { return }
    let (a, b) = (Double(count), Double(other.count))
    for channel in 0..<channels {
      let step = other.means[channel] - means[channel]
      means[channel] += step * (b / (a + b))
      squares[channel] += other.squares[channel] + step * step * (a * b / (a + b))
    }
    count += other.count
    images += other.images
  }

  /// The mean of squared distances: what batch norm divides by.
  package var variances: [Double] { squares.map { count > 0 ? $0 / Double(count) : 0 } }

  /// The estimate for the population, divided by one less: what torch keeps as running variance.
  package var unbiasedVariances: [Double] { squares.map { count > 1 ? $0 / Double(count - 1) : 0 } }
}
