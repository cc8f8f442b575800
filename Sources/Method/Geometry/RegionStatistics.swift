import FixresBase
import FixresIR
import FixresImaging

/// What training crops take of pictures, measured by drawing many.
package struct TrainingRegionStatistics: Hashable, Sendable {
  /// Number of crops that were drawn.
  package private(set) var draws = 0
  /// The area shares of the crops.
  package private(set) var histogram: ShareHistogram
  /// E[sigma^2], the mean area share.
  package private(set) var meanShare = 0.0
  /// E[sigma], the mean root of the area share.
  package private(set) var meanSigma = 0.0
  /// E[1 / sigma].
  package private(set) var meanInverseSigma = 0.0
  /// Share of the crops that the first draw gave.
  package private(set) var firstTryShare = 0.0
  /// Share of the crops that fell back to the picture's centre.
  package private(set) var fallbackShare = 0.0
  /// E[sigma times the geometric mean of the resized picture's sides, in units of K_img]: the measured size factor.
  package private(set) var measuredSizeFactor = 0.0

  /// Draws `drawsPerSize` crops of each picture size, each draw counted `weight` times.
  package static func measure(
    _ sizes: [PictureSizeCount], crop: RandomResizedCrop = RandomResizedCrop(), draws: Int = 400_000,
    seed: UInt64 = 0, binCount: Int = 10, rule: Preprocessing.ResizeRule = .shorterSide
  ) -> TrainingRegionStatistics {
    var result = TrainingRegionStatistics(histogram: ShareHistogram(binCount: binCount))
    var random = SeededRandom(seed: seed)
    let pictures = sizes.reduce(0) { $0 + $1.count }
    guard pictures > 0 else { return result }
    for entry in sizes {
      let count = max(1, draws * entry.count / pictures)
      // Each size weighs as its pictures do, however many draws rounding gave it.
      let weight = Double(entry.count) / Double(pictures) / Double(count)
      for _ in 0..<count {
        let region = crop.sample(entry.size, using: &random)
        result.add(
          share: region.share(of: entry.size), side: entry.size.geometricSide(under: rule), weight: weight)
        if region.tries == 1 { result.firstTryShare += weight }
        if region.isFallback { result.fallbackShare += weight }
      }
    }
    return result
  }

  /// The paper's ideal: every drawn area share is taken, whatever its shape.
  package static func ideal(
    areaShare: ClosedRange<Double> = Geometry.usualAreaShare, draws: Int = 400_000, seed: UInt64 = 0,
    binCount: Int = 10
  ) -> TrainingRegionStatistics {
    var result = TrainingRegionStatistics(histogram: ShareHistogram(binCount: binCount))
    var random = SeededRandom(seed: seed)
    let weight = 1 / Double(max(draws, 1))
    for _ in 0..<draws {
      let span = areaShare.upperBound - areaShare.lowerBound
      let share = areaShare.lowerBound + span * random.nextDouble()
      result.add(share: share, side: 1, weight: weight)
      result.firstTryShare += weight
    }
    return result
  }

  private mutating func add(share: Double, side: Double, weight: Double) {
    let sigma = share.squareRoot()
    draws += 1
    histogram.add(share, weight: weight)
    meanShare += share * weight
    meanSigma += sigma * weight
    meanInverseSigma += weight / sigma
    measuredSizeFactor += sigma * side * weight
  }

  private init(histogram: ShareHistogram) { self.histogram = histogram }
}

/// A picture size and how many pictures have it.
package struct PictureSizeCount: Hashable, Sendable {
  /// Height and width in pixels.
  package let size: Extent
  /// Number of pictures of that size.
  package let count: Int

  /// `count` pictures of `size`.
  package init(_ size: Extent, count: Int = 1) { (self.size, self.count) = (size, count) }

  /// The sizes of pictures grouped, in order of area, then width.
  package static func grouped(_ sizes: [Extent]) -> [PictureSizeCount] {
    var counts: [Extent: Int] = [:]
    for size in sizes { counts[size, default: 0] += 1 }
    return counts.map { PictureSizeCount($0.key, count: $0.value) }
      .sorted { ($0.size.area, $0.size.width) < ($1.size.area, $1.size.width) }
  }
}

extension Extent {
  /// Longer side by shorter side.
  package var aspect: Double { Double(max(height, width)) / Double(min(height, width)) }

  /// The geometric mean of the sides after a resize to K_img, in units of K_img.
  package func geometricSide(under rule: Preprocessing.ResizeRule) -> Double {
    switch rule {
    case .shorterSide: aspect.squareRoot()
    case .longerSide: 1 / aspect.squareRoot()
    case .height: (Double(width) / Double(height)).squareRoot()
    case .squash, .unscaled, .exact: 1
    }
  }
}

extension Geometry {
  /// Share of a picture's area that the test crop of `side` shows; nil for a picture that the resize rule loses.
  package static func testShare(
    _ size: Extent, side: Int, preprocessing: Preprocessing = .imageNet
  ) -> Double? {
    let crop = Extent(square: side)
    guard let geometry = try? PictureGeometry(preprocessing, source: size, crop: crop) else { return nil }
    let resized = geometry.resized
    let visible = min(side, resized.height) * min(side, resized.width)
    return Double(visible) / Double(resized.area)
  }

  /// Shares of the pictures' areas that the test crop of `side` shows.
  package static func testHistogram(
    _ sizes: [PictureSizeCount], side: Int, preprocessing: Preprocessing = .imageNet, binCount: Int = 10
  ) -> ShareHistogram {
    var histogram = ShareHistogram(binCount: binCount)
    for entry in sizes {
      if let share = testShare(entry.size, side: side, preprocessing: preprocessing) {
        histogram.add(share, weight: Double(entry.count))
      }
    }
    return histogram
  }
}
