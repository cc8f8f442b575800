import FixresBase
import FixresMethod
import Testing

extension SortedValues {
  fileprivate static func sorting(_ values: [Float]) -> SortedValues {
    values.withUnsafeBufferPointer { SortedValues($0) }
  }
}

@Suite struct SortedValuesTests {
  @Test func sortsAnyFloats() {
    var random = SeededRandom(seed: 5)
    for count in [0, 1, 2, 3, 100, 5000] {
      var values = (0..<count).map { _ in Float(random.nextGaussian()) * 10 }
      for index in values.indices where index % 7 == 0 { values[index] = index % 2 == 0 ? 0 : -0.0 }
      for index in values.indices where index % 31 == 5 { values[index] = .infinity }
      let sorted = SortedValues.sorting(values)
      #expect(Array(sorted.values) == values.sorted())
    }
  }

  @Test func leavesOutNaN() {
    let sorted = SortedValues.sorting([3, .nan, 1, -.nan, 2])
    #expect(Array(sorted.values) == [1, 2, 3] && sorted.notNumberCount == 2)
  }

  @Test func distributionAndQuantiles() {
    let sorted = SortedValues.sorting([1, 2, 2, 4])
    #expect([0.5, 1, 1.5, 2, 3, 4, 9].map(sorted.distribution) == [0, 0.25, 0.25, 0.75, 0.75, 1, 1])
    // numpy.quantile([1, 2, 2, 4], [0, .1, .5, .9, 1])
    for (share, value) in [(0, 1), (0.1, 1.3), (0.5, 2), (0.9, 3.4), (1, 4)] {
      #expect(abs(sorted.quantile(share) - value) < 1e-12)
    }
    #expect(SortedValues.sorting([]).quantile(0.5) == 0 && SortedValues.sorting([]).distribution(1) == 0)
  }

  @Test func distances() {
    let distance = SortedValues.sorting([0, 1, 3]).distance(to: SortedValues.sorting([5, 6, 8]))
    #expect(distance.ks == 1 && abs(distance.w1 - 5) < 1e-12)
    let a = SortedValues.sorting([0, 0, 0, 1])
    #expect(a.distance(to: a) == .zero)
    let other = a.distance(to: SortedValues.sorting([0, 1]))
    #expect(abs(other.ks - 0.25) < 1e-15 && abs(other.w1 - 0.25) < 1e-15)
    #expect(a.distance(to: SortedValues.sorting([])) == .zero)
  }

  @Test func distributionAboveZero() {
    let values = SortedValues.sorting([0, 0, 1, 2, 4])
    #expect(
      [-1, 0, 1, 2, 4].map(values.distributionAboveZero).map { ($0 * 3).rounded() } == [0, 0, 1, 2, 3])
    #expect(SortedValues.sorting([0, 0]).distributionAboveZero(1) == 1)
  }

  @Test func distancesAboveZero() {
    let found = SortedValues.sorting([0, 0, 0, 1, 2]).distanceAboveZero(to: .sorting([0, 1, 3]))
    #expect(found == SortedValues.sorting([1, 2]).distance(to: .sorting([1, 3])))
    #expect(SortedValues.sorting([0]).distanceAboveZero(to: .sorting([1])) == .zero)
  }

  /// Against the definition on every point of both samples.
  @Test func distancesAgreeWithTheDefinition() {
    for seed in UInt64(0)..<20 {
      var random = SeededRandom(seed: seed)
      let first = (0..<random.nextInt(in: 1..<300)).map { _ in max(0, Float(random.nextGaussian())) }
      let second = (0..<random.nextInt(in: 1..<300)).map { _ in max(0, Float(random.nextGaussian() * 1.3)) }
      let found = SortedValues.sorting(first).distance(to: SortedValues.sorting(second))
      let points = (first + second).sorted()
      var (ks, w1) = (0.0, 0.0)
      for (index, point) in points.enumerated() {
        let f = Double(first.count { $0 <= point }) / Double(first.count)
        let g = Double(second.count { $0 <= point }) / Double(second.count)
        ks = max(ks, abs(f - g))
        if index + 1 < points.count { w1 += abs(f - g) * (Double(points[index + 1]) - Double(point)) }
      }
      #expect(abs(found.ks - ks) < 1e-12 && abs(found.w1 - w1) < 1e-12, "seed \(seed)")
    }
  }
}

@Suite struct ActivationStatisticsTests {
  @Test func sharesAndMoments() {
    let features: [Float] = [0, 0, 0.5, 1, 1.5, 2, 2.5, 3]
    let found = features.withUnsafeBufferPointer { ActivationStatistics(features: $0, images: 2) }
    #expect(found.images == 2 && found.count == 8)
    #expect(found.zeroShare == 0.25 && found.shareZeroToOne == 0.125 && found.shareAboveTwo == 0.25)
    #expect(abs(found.mean - 1.3125) < 1e-12 && abs(found.standardDeviation - 1.0588171467) < 1e-9)
    #expect(found.distance(to: found) == .zero)
    #expect(found.curve(at: [0, 1, 3]).share == [0.25, 0.5, 1])
    #expect(found.quantiles.map(\.share) == ActivationStatistics.quantileShares)
  }

  /// ReLU of a normal value: shares and moments in closed form.
  @Test(arguments: [(0.0, 1.0, 0.5, 0.398942, 0.340845), (0.2, 0.7, 0.387548, 0.390581, 0.225664)])
  func rectifiedGaussian(mean: Double, deviation: Double, zeros: Double, first: Double, variance: Double) {
    let count = 400_000
    var random = SeededRandom(seed: 21)
    let values = (0..<count).map { _ in Float(max(0, mean + deviation * random.nextGaussian())) }
    let found = values.withUnsafeBufferPointer { ActivationStatistics(features: $0, images: count) }
    let error = 1 / Double(count).squareRoot()
    #expect(abs(found.zeroShare - zeros) < 3 * (zeros * (1 - zeros)).squareRoot() * error)
    #expect(abs(found.mean - first) < 3 * variance.squareRoot() * error)
    #expect(abs(found.standardDeviation * found.standardDeviation - variance) < 6 * variance * error)
  }

  /// Four independent cells that are zero half the time pool to zero in 6.25 % of cases; 29.8 % need 0.739 each.
  @Test(arguments: [(0.5, 0.0625), (0.739, 0.298)]) func independentCells(cellZeros: Double, zeros: Double) {
    let count = 400_000
    var random = SeededRandom(seed: 22)
    let values = (0..<count).map { _ in
      (0..<4).reduce(Float(0)) { sum, _ in
        let draw = random.nextDouble()
        return sum + (draw < cellZeros ? 0 : Float(draw)) / 4
      }
    }
    let found = values.withUnsafeBufferPointer { ActivationStatistics(features: $0, images: count) }
    #expect(abs(found.zeroShare - zeros) < 3 * (zeros * (1 - zeros) / Double(count)).squareRoot() + 5e-4)
  }

  @Test func knotsAscend() {
    let knots = ActivationStatistics.knots(to: 3)
    #expect(knots.count == 512 && knots.first == 0 && knots.last == 3)
    #expect(zip(knots, knots.dropFirst()).allSatisfy { $0 < $1 })
  }

  @Test func nothingToMeasure() {
    let found = [].withUnsafeBufferPointer { ActivationStatistics(features: $0, images: 0) }
    #expect(found.count == 0 && found.mean == 0 && found.frechet == nil)
  }
}

@Suite struct PairedSignificanceTests {
  /// Binomial sums in exact integers, computed outside.
  @Test(arguments: [
    (1, 9, 0.021484375), (10, 25, 0.01667384780012071), (57, 100, 0.0007498832038131533),
    (400, 500, 0.0009564441369189461), (3, 3, 1), (0, 12, 0.00048828125), (5000, 5300, 0.003215819673645239),
    (0, 0, 1),
  ]) func exact(b: Int, c: Int, p: Double) {
    #expect(abs(PairedSignificance(onlyFirst: b, onlySecond: c).p - p) < 1e-9 * p + 1e-15)
    #expect(
      PairedSignificance(onlyFirst: c, onlySecond: b).p
        == PairedSignificance(onlyFirst: b, onlySecond: c).p)
  }

  @Test func counting() {
    let paired = PairedSignificance([true, true, false, false], [true, false, true, true])
    #expect(paired == PairedSignificance(onlyFirst: 1, onlySecond: 2))
  }

  @Test func extremes() {
    #expect(PairedSignificance(onlyFirst: 0, onlySecond: 100_000).p < 1e-300)
    let p = PairedSignificance(onlyFirst: 500_000, onlySecond: 500_100).p
    #expect(p > 0.9 && p < 0.95)
  }
}

@Suite struct ChannelMomentsTests {
  /// Maps `[images][channels x positions]` from a seed.
  static func maps(_ seed: UInt64, images: Int, channels: Int, positions: Int) -> [[Float]] {
    var random = SeededRandom(seed: seed)
    return (0..<images).map { image in
      (0..<channels * positions).map { Float(random.nextGaussian() * Double($0 % 3 + 1) + Double(image % 4)) }
    }
  }

  static func direct(_ maps: [[Float]], channel: Int, positions: Int) -> (mean: Double, variance: Double) {
    let values = maps.flatMap { $0[channel * positions..<(channel + 1) * positions].map(Double.init) }
    let mean = values.reduce(0, +) / Double(values.count)
    return (mean, values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count))
  }

  @Test(arguments: [1, 2, 5, 9]) func exactAndMerged(split: Int) {
    let (images, channels, positions) = (9, 5, 7)
    let maps = Self.maps(UInt64(split), images: images, channels: channels, positions: positions)
    var (first, second) = (ChannelMoments(channels: channels), ChannelMoments(channels: channels))
    for (index, map) in maps.enumerated() {
      if index < split {
        first.add(map, positions: positions)
      } else {
        second.add(map, positions: positions)
      }
    }
    first.merge(second)
    #expect(first.count == images * positions && first.images == images)
    for channel in 0..<channels {
      let expected = Self.direct(maps, channel: channel, positions: positions)
      #expect(abs(first.means[channel] - expected.mean) < 1e-12)
      #expect(abs(first.variances[channel] - expected.variance) < 1e-12)
      let n = Double(first.count)
      #expect(abs(first.unbiasedVariances[channel] - expected.variance * n / (n - 1)) < 1e-12)
    }
  }

  @Test func largeMeanKeepsItsVariance() {
    var moments = ChannelMoments(channels: 1)
    for image in 0..<1000 { moments.add([4096 + Float(image % 2)], positions: 1) }
    #expect(abs(moments.means[0] - 4096.5) < 1e-9 && abs(moments.variances[0] - 0.25) < 1e-9)
  }

  /// A channel scaled at the input must come out of batch norm as if it had not been.
  @Test func scalingIsUndone() {
    let maps = Self.maps(3, images: 6, channels: 1, positions: 11)
    var (plain, scaled) = (ChannelMoments(channels: 1), ChannelMoments(channels: 1))
    for map in maps {
      plain.add(map, positions: 11)
      scaled.add(map.map { 4 * $0 }, positions: 11)
    }
    #expect(abs(scaled.means[0] - 4 * plain.means[0]) < 1e-12)
    #expect(abs(scaled.variances[0] - 16 * plain.variances[0]) < 1e-10)
  }

  @Test func blendAndUpdate() {
    let target = BatchNormStatistics(mean: [2], variance: [4])
    let source = BatchNormStatistics(mean: [0], variance: [1])
    let blended = target.blended(images: 16, source: source, prior: 48)
    #expect(blended == BatchNormStatistics(mean: [0.5], variance: [1.75]))
    #expect(target.blended(images: 0, source: source, prior: 0) == source)
    var running = source
    var batch = ChannelMoments(channels: 1)
    batch.add([1, 3], positions: 2)
    running.update(with: batch)
    // m = .9 x 0 + .1 x 2, v = .9 x 1 + .1 x 2 (unbiased)
    #expect(running == BatchNormStatistics(mean: [0.2], variance: [1.1]))
  }
}
