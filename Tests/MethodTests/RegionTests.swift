import FixresBase
import FixresIR
import FixresMethod
import Testing

/// Monte Carlo figures of RandomResizedCrop, computed independently with 400,000 draws each.
@Suite struct RegionTests {
  struct Row: Sendable, CustomTestStringConvertible {
    let name: String
    let size: Extent?
    let meanShare: Double
    let meanSigma: Double
    let meanInverse: Double
    let firstTry: Double
    let fallback: Double
    let histogram: [Double]
    /// Half a unit of the last digit that `histogram` states.
    var slack = 5e-4
    var testDescription: String { name }
  }

  static let rows = [
    Row(
      name: "ideal", size: nil, meanShare: 0.54, meanSigma: 0.7082, meanInverse: 1.5590, firstTry: 1,
      fallback: 0, histogram: [0.02 / 0.92] + [Double](repeating: 0.1 / 0.92, count: 9), slack: 0),
    Row(
      name: "400x400", size: Extent(400, 400), meanShare: 0.479, meanSigma: 0.668, meanInverse: 1.642,
      firstTry: 0.860, fallback: 0,
      histogram: [0.025, 0.126, 0.127, 0.126, 0.126, 0.127, 0.127, 0.120, 0.073, 0.024]),
    Row(
      name: "500x375", size: Extent(375, 500), meanShare: 0.433, meanSigma: 0.635, meanInverse: 1.721,
      firstTry: 0.742, fallback: 3e-6,
      histogram: [0.029, 0.147, 0.147, 0.146, 0.147, 0.143, 0.110, 0.074, 0.043, 0.014]),
    Row(
      name: "375x500", size: Extent(500, 375), meanShare: 0.433, meanSigma: 0.635, meanInverse: 1.721,
      firstTry: 0.742, fallback: 3e-6,
      histogram: [0.029, 0.147, 0.147, 0.146, 0.147, 0.143, 0.110, 0.074, 0.043, 0.014]),
    Row(
      name: "500x333", size: Extent(333, 500), meanShare: 0.389, meanSigma: 0.603, meanInverse: 1.799,
      firstTry: 0.651, fallback: 2e-5,
      histogram: [0.034, 0.167, 0.168, 0.168, 0.167, 0.141, 0.092, 0.051, 0.014, 0.000]),
    Row(
      name: "32x32", size: Extent(32, 32), meanShare: 0.490, meanSigma: 0.675, meanInverse: 1.627,
      firstTry: 0.886, fallback: 0,
      histogram: [0.027, 0.117, 0.133, 0.112, 0.127, 0.114, 0.126, 0.128, 0.075, 0.040]),
  ]

  @Test(arguments: rows) func trainingShares(row: Row) {
    let draws = 400_000
    let measured =
      row.size.map { TrainingRegionStatistics.measure([PictureSizeCount($0)], draws: draws, seed: 7) }
      ?? TrainingRegionStatistics.ideal(draws: draws, seed: 7)
    #expect(measured.draws == draws)
    #expect(abs(measured.meanShare - row.meanShare) < 1.5e-3)
    #expect(abs(measured.meanSigma - row.meanSigma) < 1.5e-3)
    #expect(abs(measured.meanInverseSigma - row.meanInverse) < 3.5e-3)
    #expect(abs(measured.firstTryShare - row.firstTry) < 2.5e-3)
    #expect(abs(measured.fallbackShare - row.fallback) < 3e-5)
    for (found, stated) in zip(measured.histogram.normalized, row.histogram) {
      // Three standard errors, and half a unit of the last digit stated.
      let bound = 3 * (stated * (1 - stated) / Double(draws)).squareRoot() + row.slack
      #expect(abs(found - stated) <= bound, "\(found) for \(stated)")
    }
  }

  @Test func sharesStayWithinTheRange() {
    var random = SeededRandom(seed: 3)
    let crop = RandomResizedCrop()
    for _ in 0..<20_000 {
      let size = Extent(random.nextInt(in: 1..<700), random.nextInt(in: 1..<700))
      let region = crop.sample(size, using: &random)
      #expect(region.top >= 0 && region.left >= 0 && region.height > 0 && region.width > 0)
      #expect(region.top + region.height <= size.height && region.left + region.width <= size.width)
      guard !region.isFallback else { continue }
      // Rounding each side moves the area by half a pixel of either side at most.
      let slack = 0.5 * Double(region.height + region.width + 1) / Double(size.area)
      #expect(region.share(of: size) >= 0.08 - slack && region.share(of: size) <= 1)
    }
  }

  @Test func panoramaFallsBack() {
    var random = SeededRandom(seed: 11)
    let size = Extent(100, 1000)
    let regions = (0..<2000).map { _ in RandomResizedCrop().sample(size, using: &random) }
    let fallbacks = regions.filter(\.isFallback)
    #expect(fallbacks.count > regions.count / 2)
    #expect(fallbacks.allSatisfy { $0.width == 133 && $0.height == 100 && $0.left == 433 && $0.top == 0 })
    let tall = RandomResizedCrop().fallback(Extent(1000, 100))
    #expect(tall.width == 100 && tall.height == 133 && tall.top == 433 && tall.left == 0)
    let square = RandomResizedCrop().fallback(Extent(90, 100))
    #expect(square.width == 100 && square.height == 90)
  }

  @Test(arguments: [
    (Extent(400, 400), 0.7656), (Extent(375, 500), 0.5748), (Extent(500, 375), 0.5748),
    (Extent(2000, 3000), 0.5104),
  ]) func testShares(size: Extent, share: Double) throws {
    let found = try #require(Geometry.testShare(size, side: 224))
    #expect(abs(found - share) < 5e-5)
  }

  /// Without integer sides the share is (K_test / K_img)^2 by the aspect; 4:3 differs from 0.5748 by the rounding.
  @Test(arguments: [(Extent(400, 400), 0.7656), (Extent(375, 500), 0.5742), (Extent(2000, 3000), 0.5104)])
  func idealTestShares(size: Extent, share: Double) {
    #expect(abs(224.0 * 224 / (256 * 256) / size.aspect - share) < 5e-5)
  }

  /// Where no margin is cropped away, the match is K_train / E[sigma] of the crops really drawn.
  @Test(arguments: [(Extent(400, 400), 1.50), (Extent(32, 32), 1.48)])
  func matchWithoutAMargin(size: Extent, factor: Double) {
    let measured = TrainingRegionStatistics.measure([PictureSizeCount(size)], seed: 5)
    let correction = Geometry.scaleCorrection(cropShare: 1, sizeFactor: measured.meanSigma)
    #expect(abs(correction - factor) < 7e-3)
    let match = Geometry.matchedTestSide(train: 32, cropShare: 1, sizeFactor: measured.meanSigma)
    #expect(match == Int((32 * correction).rounded()))
  }

  @Test func testSharesByHeight() {
    // The authors' rule sets the height: a portrait is then narrower than the crop, and shows its whole width.
    var byHeight = Preprocessing.imageNet
    byHeight.resizeRule = .height
    #expect(Geometry.testShare(Extent(500, 250), side: 224, preprocessing: byHeight) == 224.0 / 256)
  }

  @Test(arguments: [(Extent(400, 400), 0.763), (Extent(375, 500), 0.838), (Extent(333, 500), 0.845)])
  func measuredRatio(size: Extent, ratio: Double) {
    let measured = TrainingRegionStatistics.measure([PictureSizeCount(size)], seed: 1)
    let found = Geometry.expectedSizeRatio(train: 224, test: 224, sizeFactor: measured.measuredSizeFactor)
    #expect(abs(found - ratio) < 2e-3)
  }

  @Test func sizesWeighAsTheirPictures() {
    let grouped = PictureSizeCount.grouped([Extent(2, 3), Extent(3, 2), Extent(2, 3)])
    #expect(grouped == [PictureSizeCount(Extent(3, 2)), PictureSizeCount(Extent(2, 3), count: 2)])
    let histogram = Geometry.testHistogram(
      [PictureSizeCount(Extent(400, 400), count: 3), PictureSizeCount(Extent(333, 500))], side: 224)
    #expect(histogram.normalized[7] == 0.75 && histogram.normalized[5] == 0.25)
    #expect(TrainingRegionStatistics.measure([], seed: 0).draws == 0)
  }
}
