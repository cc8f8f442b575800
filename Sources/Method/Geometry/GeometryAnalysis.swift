import FixresIR

/// How large objects look in training and at test, by the paper's formulas and measured on real picture sizes.
package struct GeometryAnalysis: Sendable {
  /// The training resolution, a side in pixels.
  package let train: Int
  /// The test resolution, a side in pixels.
  package let test: Int
  /// The resize and crop rule at test.
  package let preprocessing: Preprocessing
  /// The picture sizes that are cropped.
  package let sizes: [PictureSizeCount]
  /// Whether `sizes` are those of pictures at hand, and not merely usual ones.
  package let hasPictures: Bool
  /// Crops of the paper's ideal: every area share is taken.
  package let paper: TrainingRegionStatistics
  /// Crops drawn as training draws them, on pictures of `sizes`.
  package let measured: TrainingRegionStatistics
  /// Shares of the pictures' areas that the test crop shows.
  package let testHistogram: ShareHistogram
  /// Focal length in units of the root of the picture's area.
  package let focalShare: Double

  /// Size by distance of the object whose pixel counts are given.
  package static let cameraSize = 0.1
  /// Pixels of the input, along a side, that a position of the last map covers.
  package static let alignment = 32

  /// The analysis of a network trained at `train` and tested at `test`; `fieldOfView` is the camera's, in
  /// degrees.
  package init(
    train: Int, test: Int, preprocessing: Preprocessing, sizes: [PictureSizeCount], hasPictures: Bool = true,
    fieldOfView: Double? = nil
  ) {
    self.hasPictures = hasPictures
    (self.train, self.test, self.preprocessing, self.sizes) = (train, test, preprocessing, sizes)
    paper = .ideal()
    measured = .measure(sizes, rule: preprocessing.resizeRule)
    testHistogram = Geometry.testHistogram(sizes, side: test, preprocessing: preprocessing)
    focalShare = fieldOfView.map(Geometry.focalShare) ?? 1
  }

  /// Number of pictures in `sizes`.
  package var pictureCount: Int { sizes.reduce(0) { $0 + $1.count } }
  /// Side to which a picture is resized before the test crop (K_img), in pixels.
  package var imageSide: Int { Geometry.resizeSide(for: test, preprocessing) }

  /// The size factor F by the paper's formula.
  package var paperFactor: Double { Geometry.sizeFactor() }
  /// The size factor F, measured on `sizes`.
  package var measuredFactor: Double { measured.measuredSizeFactor }
  /// r_test / r_train by the paper's formula.
  package var paperRatio: Double { ratio(paperFactor) }
  /// r_test / r_train, measured on `sizes`.
  package var measuredRatio: Double { ratio(measuredFactor) }
  /// What multiplies the test resolution to undo the discrepancy, by the paper's formula.
  package var paperCorrection: Double { correction(paperFactor) }
  /// What multiplies the test resolution to undo the discrepancy, measured on `sizes`.
  package var measuredCorrection: Double { correction(measuredFactor) }
  /// The test resolution at which objects look as large as in training, by the paper's formula.
  package var paperMatch: Int { match(paperFactor) }
  /// The test resolution at which objects look as large as in training, measured on `sizes`.
  package var measuredMatch: Int { match(measuredFactor) }
  /// The training resolution that `test` matches, by the paper's formula.
  package var paperLower: Int { lower(paperFactor) }
  /// The training resolution that `test` matches, measured on `sizes`.
  package var measuredLower: Int { lower(measuredFactor) }

  /// Pixels of the usual object at the mean sigma.
  package var trainedPixels: Double {
    Geometry.trainedPixels(train, sigma: paperFactor, focalShare: focalShare, cameraSize: Self.cameraSize)
  }
  /// Pixels of the same object at test.
  package var testedPixels: Double {
    Geometry.testedPixels(imageSide: imageSide, focalShare: focalShare, cameraSize: Self.cameraSize)
  }

  /// The match measured on the pictures at hand, whose crops are drawn as training draws them; without pictures the
  /// paper's.
  package var recommended: Int { hasPictures ? measuredMatch : paperMatch }
  /// The match, rounded to a multiple of `alignment`.
  package var alignedRecommendation: Int { Geometry.aligned(recommended, to: Self.alignment) }

  /// Resolutions worth a sweep: the match, and what fine-tuned networks of the paper gained from.
  package var candidates: [Int] {
    let sides = [1.25, 1.43, 1.71].map { Geometry.aligned(Int(Double(train) * $0), to: Self.alignment) }
    return Set(sides).sorted()
  }

  /// r_test / r_train at the test resolution `side` (nil: `test`) for the size factor `factor`.
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
