import FixresBase
import FixresIR
import FixresMethod
import FixresRuntime
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
    // By the crops drawn on the pictures' sizes; the formula gives 138.
    #expect(
      report.json["recommended_resolution"] == JSON(analysis.measuredMatch) && analysis.measuredMatch == 134)
    #expect(report.json["recommended_by"] == "measured" && report.json["aligned_resolution"] == JSON(128))
    #expect(analysis.paperMatch == 138)
    let formula = GeometryReport(
      analysis: GeometryAnalysis(
        train: 112, test: 224, preprocessing: .imageNet, sizes: [PictureSizeCount(Extent(375, 500))],
        hasPictures: false), source: nil, folder: nil)
    #expect(formula.json["recommended_resolution"] == JSON(138) && formula.json["recommended_by"] == "paper")
    #expect(!formula.page.html.contains("measured") && Self.faults(formula.page.html) == [])
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
      resolution: side, score: score(right), latency: Latency(milliseconds: milliseconds),
      imagesPerSecond: 10, failures: 0,
      macs: side * side, expectedSizeRatio: 0.8)
  }

  /// Of pictures that 112 gets right `same`, `lost` are wrong at the size and `won` more are right.
  private static func hits(same: Int, lost: Int, won: Int, wrong: Int, isBase: Bool) -> [Bool] {
    [Bool](repeating: true, count: same) + [Bool](repeating: isBase, count: lost)
      + [Bool](repeating: !isBase, count: won) + [Bool](repeating: false, count: wrong)
  }

  /// The highest top-1 is not recommended where a cheaper size is as good, nor noise over the training size.
  @Test func sweepPrefersTheCheaperOfEquals() {
    func sweep(_ lost: Int, _ won: Int, wrong: Int) -> ResolutionSweep {
      let base = Self.hits(same: 100, lost: lost, won: won, wrong: wrong, isBase: true)
      let other = Self.hits(same: 100, lost: lost, won: won, wrong: wrong, isBase: false)
      return ResolutionSweep(rows: [Self.row(112, base, 3), Self.row(128, other, 4)], baseline: 112)
    }
    let noise = sweep(1, 4, wrong: 10)
    #expect(noise.best?.resolution == 128 && noise.recommended?.resolution == 112, "p = 0.375")
    let real = sweep(2, 20, wrong: 10)
    #expect(real.recommended?.resolution == 128 && real.isSignificant(real.rows[1]))
    // A plateau: 144 is cheaper than 176 and as good; 96 is below the trained size and worse than it.
    let right = [96: 84, 112: 86, 128: 100, 144: 115, 176: 117]
    let rows = right.keys.sorted().map { side in
      Self.row(side, (0..<130).map { $0 < right[side, default: 0] }, Double(side))
    }
    let plateau = ResolutionSweep(rows: rows, baseline: 112)
    #expect(plateau.best?.resolution == 176 && plateau.recommended?.resolution == 144)
    #expect(plateau.recommended(within: 130)?.resolution == 128)
    #expect(plateau.recommended(within: 100)?.resolution == 96 && plateau.recommended(within: 90) == nil)
    let few = ResolutionSweep(rows: [rows[0], rows[1]], baseline: 112)
    #expect(few.recommended?.resolution == 112, "few pictures are no reason to go below the trained size")
  }

  /// A size of equal top-1 and a significantly greater loss is not as good.
  @Test func lossCountsToo() {
    func row(_ side: Int, margin: Float) -> ResolutionSweep.Row {
      var score = ClassificationScore(ScoreReading(.logits, logitCount: 2))
      for index in 0..<50 {
        [margin + Float(index % 5) / 10, 0].withUnsafeBufferPointer {
          score.add($0, label: index % 10 == 0 ? 1 : 0)
        }
      }
      return ResolutionSweep.Row(
        resolution: side, score: score, latency: Latency(milliseconds: 1), imagesPerSecond: 1, failures: 0,
        macs: side, expectedSizeRatio: nil)
    }
    let sweep = ResolutionSweep(rows: [row(96, margin: 0.1), row(112, margin: 2)], baseline: 112)
    #expect(sweep.best?.resolution == 112 && sweep.recommended?.resolution == 112)
    #expect(!sweep.isAsGood(sweep.rows[0], as: sweep.rows[1]))
    #expect((sweep.lossDifference(sweep.rows[0].score)?.p ?? 1) < 0.01)
    let calm = PairedDifference([1, 2, 3, 4], [1.1, 1.9, 3.1, 3.9])
    #expect(abs(calm.mean) < 1e-12 && calm.p > 0.99)
    // Mean 0.5, standard error 0.5: z = 1.
    #expect(abs(PairedDifference([0, 0, 0, 0], [0, 0, 0, 2]).p - 0.31731050786291415) < 1e-12)
    #expect(PairedDifference([1, 1], [2, 2]).p == 0 && PairedDifference([1], [2]).p == 1)
  }

  @Test func disturbedLatenciesAreMarked() {
    var rows = [112, 128, 144].map { Self.row($0, [true, false], Double($0)) }
    #expect(!rows.contains { ResolutionSweep(rows: rows, baseline: 112).isNoisy($0) })
    rows[0].latency = Latency(milliseconds: 140)
    let inverted = ResolutionSweep(rows: rows, baseline: 112)
    #expect(inverted.isNoisy(rows[0]) && !inverted.isNoisy(rows[1]), "fewer MACs took longer")
    rows[0].latency = Latency()
    for round in [100.0, 130, 101] { rows[0].latency.add(milliseconds: round) }
    let spread = ResolutionSweep(rows: rows, baseline: 112)
    #expect(spread.isNoisy(rows[0]) && rows[0].milliseconds == 100)
    let report = SweepReport(
      sweep: spread, model: ModelMetadata(architecture: "resnet"), source: "m", folder: "d", budget: nil)
    #expect(report.json["rows"]?[0]?["milliseconds_uncertain"] == true)
    #expect(report.page.html.contains("uncertain: 112"))
  }

  @Test func sweepPageAndChoice() {
    let rows = [
      Self.row(64, [true, false, false, false], 1), Self.row(96, [true, true, false, true], 2),
      Self.row(112, [false, true, true, true], 3), Self.row(128, [true, false, true, false], 4),
    ]
    var sweep = ResolutionSweep(rows: rows, baseline: 64)
    #expect(sweep.best?.resolution == 96, "of equal accuracy and loss the smaller")
    #expect(sweep.recommended?.resolution == 64, "four pictures show nothing")
    #expect(sweep.recommended(within: 1.5)?.resolution == 64 && sweep.recommended(within: 0.5) == nil)
    #expect(sweep.significance(rows[2].score) == PairedSignificance(onlyFirst: 1, onlySecond: 3))
    sweep.addAverage([96, 112])
    #expect(sweep.average?.score.hits.count == 4 && sweep.average?.milliseconds == 5)
    let report = SweepReport(
      sweep: sweep, model: ModelMetadata(architecture: "resnet"), source: "m", folder: "d", budget: 2.5)
    #expect(Self.faults(report.page.html) == [])
    #expect(report.json["recommended"] == 64 && report.json["recommended_within_budget"] == 64)
    #expect(report.json["best"] == 96 && report.json["recommended_is_significant"] == false)
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
