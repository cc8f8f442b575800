import FixresIR

/// How large objects look in training and at test, by the paper's formulas and measured on real picture sizes.
package struct GeometryAnalysis: Sendable {
  package let train: Int
  package let test: Int
  package let preprocessing: Preprocessing
  package let sizes: [PictureSizeCount]
  /// Crops of the paper's ideal: every area share is taken.
  package let paper: TrainingRegionStatistics
  /// Crops drawn as training draws them, on pictures of `sizes`.
  package let measured: TrainingRegionStatistics
  package let testHistogram: ShareHistogram
  package let focalShare: Double

  /// Size by distance of the object that the pixel counts are told of.
  package static let cameraSize = 0.1
  /// Side of the input that a pixel of the last map stands for.
  package static let alignment = 32

  package init(
    train: Int, test: Int, preprocessing: Preprocessing, sizes: [PictureSizeCount], fieldOfView: Double? = nil
  ) {
    (self.train, self.test, self.preprocessing, self.sizes) = (train, test, preprocessing, sizes)
    paper = .ideal()
    measured = .measure(sizes, rule: preprocessing.resizeRule)
    testHistogram = Geometry.testHistogram(sizes, side: test, preprocessing: preprocessing)
    focalShare = fieldOfView.map(Geometry.focalShare) ?? 1
  }

  package var pictureCount: Int { sizes.reduce(0) { $0 + $1.count } }
  package var imageSide: Int { Geometry.resizeSide(for: test, preprocessing) }

  package var paperFactor: Double { Geometry.sizeFactor() }
  package var measuredFactor: Double { measured.measuredSizeFactor }
  package var paperRatio: Double { ratio(paperFactor) }
  package var measuredRatio: Double { ratio(measuredFactor) }
  package var paperCorrection: Double { correction(paperFactor) }
  package var measuredCorrection: Double { correction(measuredFactor) }
  package var paperMatch: Int { match(paperFactor) }
  package var measuredMatch: Int { match(measuredFactor) }
  package var paperLower: Int { lower(paperFactor) }
  package var measuredLower: Int { lower(measuredFactor) }

  /// Pixels of the usual object at the mean sigma.
  package var trainedPixels: Double {
    Geometry.trainedPixels(train, sigma: paperFactor, focalShare: focalShare, cameraSize: Self.cameraSize)
  }
  package var testedPixels: Double {
    Geometry.testedPixels(imageSide: imageSide, focalShare: focalShare, cameraSize: Self.cameraSize)
  }

  /// The paper's match.
  package var recommended: Int { paperMatch }
  /// The match on a whole number of the last map's pixels.
  package var alignedRecommendation: Int { Geometry.aligned(paperMatch, to: Self.alignment) }

  /// Resolutions worth a sweep: the match, and what fine-tuned networks of the paper gained from.
  package var candidates: [Int] {
    let sides = [1.25, 1.43, 1.71].map { Geometry.aligned(Int(Double(train) * $0), to: Self.alignment) }
    return Set(sides).sorted()
  }

  package func ratio(_ factor: Double, at side: Int? = nil) -> Double {
    Geometry.expectedSizeRatio(
      train: train, test: side ?? test, preprocessing: preprocessing, sizeFactor: factor)
  }

  private func correction(_ factor: Double) -> Double {
    Geometry.scaleCorrection(cropShare: preprocessing.cropShare, sizeFactor: factor)
  }

  private func match(_ factor: Double) -> Int {
    Geometry.matchedTestSide(train: train, cropShare: preprocessing.cropShare, sizeFactor: factor)
  }

  private func lower(_ factor: Double) -> Int {
    Geometry.matchedTrainSide(test: test, cropShare: preprocessing.cropShare, sizeFactor: factor)
  }
}
