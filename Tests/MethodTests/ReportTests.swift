import FixresBase
import FixresIR
import FixresMethod
import Testing

@Suite struct ReportTests {
  @Test(arguments: [
    (1.0, 6, 0.2), (10.0, 5, 2.0), (0.037, 6, 0.005), (2500.0, 6, 500.0), (0.0, 5, 1.0),
  ]) func niceSteps(span: Double, count: Int, step: Double) {
    #expect(abs(Axis.niceStep(span, count) - step) < 1e-12 * step)
  }

  @Test func axesCoverTheirRange() {
    for (low, high) in [(0.0, 1.0), (68.97, 88.56), (-3.0, 2.5), (0.0, 0.0), (0.4687, 1.1698)] {
      let axis = Axis("x", covering: low...high)
      #expect(axis.range.lowerBound <= low && axis.range.upperBound >= high)
      #expect(axis.ticks.count >= 2 && axis.ticks.count <= 12)
      #expect(axis.ticks.allSatisfy { axis.range.contains($0) || abs($0 - axis.range.upperBound) < 1e-9 })
    }
    #expect(Axis("x", covering: 0...1, tickCount: 10).decimals == 1)
    #expect(Axis("x", covering: 0...0.04).decimals == 3)
  }

  /// Tags open and close in order, nothing is fetched or run, and text is text.
  static func faults(_ html: String) -> [String] {
    var faults: [String] = []
    for word in ["<script", "http://", "https://", "src=", "@import", "url("] where html.contains(word) {
      faults.append("contains \(word)")
    }
    var open: [Substring] = []
    var rest = html[...]
    while let start = rest.firstIndex(of: "<"), let end = rest[start...].firstIndex(of: ">") {
      let tag = rest[rest.index(after: start)..<end]
      rest = rest[rest.index(after: end)...]
      let name = tag.drop { $0 == "/" }.prefix { $0.isLetter || $0.isNumber || $0 == "!" }
      if tag.hasPrefix("!") || tag.hasSuffix("/") || ["meta", "link"].contains(name) { continue }
      if tag.hasPrefix("/") {
        if open.popLast() != name { faults.append("</\(name)> closes nothing") }
      } else {
        open.append(name)
      }
    }
    if !open.isEmpty { faults.append("left open: \(open)") }
    if html.contains("nan") || html.contains("inf\"") { faults.append("contains a number that is none") }
    return faults
  }

  @Test func geometryPage() {
    let analysis = GeometryAnalysis(
      train: 112, test: 224, preprocessing: .imageNet, sizes: [PictureSizeCount(Extent(375, 500), count: 3)])
    let report = GeometryReport(analysis: analysis, source: "<b>&\"model\"", folder: "a<script>b")
    #expect(Self.faults(report.page.html) == [])
    #expect(report.page.html.contains("&lt;b&gt;&amp;"))
    #expect(report.json["recommended_resolution"] == JSON(138))
    #expect(report.json["aligned_resolution"] == JSON(128))
    for key in [
      "expected_size_ratio", "size_factor", "scale_correction", "recommended_resolution", "measured",
      "train_share_histogram", "test_share_histogram",
    ] { #expect(report.json[key] != nil, "\(key)") }
    #expect(analysis.paperLower == 181 && analysis.pictureCount == 3)
  }

  static func score(_ right: [Bool]) -> ClassificationScore {
    var score = ClassificationScore(ScoreReading(.logits, logitCount: 2), keepsLogits: true)
    for isRight in right {
      [isRight ? 2 : 0, Float(1)].withUnsafeBufferPointer { score.add($0, label: 0) }
    }
    return score
  }

  static func row(_ side: Int, _ right: [Bool], _ milliseconds: Double) -> ResolutionSweep.Row {
    ResolutionSweep.Row(
      resolution: side, score: score(right), milliseconds: milliseconds, imagesPerSecond: 10, failures: 0,
      macs: side * side, expectedSizeRatio: 0.8)
  }

  @Test func sweepPageAndChoice() {
    let rows = [
      Self.row(64, [true, false, false, false], 1), Self.row(96, [true, true, false, true], 2),
      Self.row(112, [false, true, true, true], 3), Self.row(128, [true, false, true, false], 4),
    ]
    var sweep = ResolutionSweep(rows: rows, baseline: 64)
    #expect(sweep.recommended?.resolution == 96, "of equal accuracy and loss the smaller")
    #expect(sweep.recommended(within: 1.5)?.resolution == 64 && sweep.recommended(within: 0.5) == nil)
    #expect(sweep.significance(rows[2].score) == PairedSignificance(onlyFirst: 1, onlySecond: 3))
    sweep.addAverage([96, 112])
    #expect(sweep.average?.score.hits.count == 4 && sweep.average?.milliseconds == 5)
    let report = SweepReport(
      sweep: sweep, model: ModelMetadata(architecture: "resnet"), source: "m", folder: "d", budget: 2.5)
    #expect(Self.faults(report.page.html) == [])
    #expect(report.json["recommended"] == 96 && report.json["recommended_within_budget"] == 96)
    #expect(report.json["rows"]?.arrayValue?.count == 4)
  }

  @Test func averagingIsOfProbabilities() {
    let empty = ClassificationScore(ScoreReading(.logits, logitCount: 3), keepsLogits: true)
    var (a, b) = (empty, empty)
    let (first, second): ([Float], [Float]) = ([2, 0, 0], [0, 1, 0])
    first.withUnsafeBufferPointer { a.add($0, label: 0) }
    second.withUnsafeBufferPointer { b.add($0, label: 0) }
    let averaged = ClassificationScore.averaged(a, b)
    // -ln((softmax(2,0,0)[0] + softmax(0,1,0)[0]) / 2)
    #expect(abs(averaged.loss - 0.6942202) < 1e-6 && averaged.hits == [true])
  }

  @Test func statisticsPage() {
    var random = SeededRandom(seed: 1)
    let rows = [64, 112, 224].map { side in
      let values = (0..<4000).map { _ in max(0, Float(random.nextGaussian()) * 40 / Float(side)) }
      return StatisticsReport.Row(
        resolution: side,
        statistics: values.withUnsafeBufferPointer { ActivationStatistics(features: $0, images: 40) },
        failures: 0)
    }
    let report = StatisticsReport(
      rows: rows, baseline: 112, model: ModelMetadata(architecture: "resnet"), source: "m", folder: "d")
    #expect(Self.faults(report.page.html) == [])
    #expect(report.distance(rows[1]) == .zero && report.distance(rows[0]).ks > 0)
    let entry = report.json["rows"]?[0]
    #expect(entry?["cdf"]?["x"]?.arrayValue?.count == 512)
    for key in [
      "resolution", "images", "zero_share", "share_0_to_1", "share_above_2", "mean", "std", "quantiles",
      "cdf",
      "ks_to_train", "w1_to_train", "frechet",
    ] { #expect(entry?[key] != nil, "\(key)") }
  }
}
