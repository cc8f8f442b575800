import FixresBase
import FixresIR

/// The results of `stats`, as JSON and as a page.
package struct StatisticsReport: Sendable {
  /// The statistics at one resolution.
  package struct Row: Sendable {
    /// The test resolution, a side in pixels.
    package let resolution: Int
    /// The distribution of the pooled features.
    package let statistics: ActivationStatistics
    /// Number of pictures that could not be decoded.
    package let failures: Int

    /// A row of these figures.
    package init(resolution: Int, statistics: ActivationStatistics, failures: Int) {
      (self.resolution, self.statistics, self.failures) = (resolution, statistics, failures)
    }
  }

  /// One row per resolution, ascending.
  package let rows: [Row]
  /// The training resolution.
  package let baseline: Int
  /// What is known of the model.
  package let model: ModelMetadata
  /// The model's path.
  package let source: String
  /// The path of the pictures.
  package let folder: String
  private let distances: [DistributionDistance]

  /// The report of `rows`, compared with the resolution `baseline`.
  package init(rows: [Row], baseline: Int, model: ModelMetadata, source: String, folder: String) {
    (self.rows, self.baseline, self.model) = (rows, baseline, model)
    (self.source, self.folder) = (source, folder)
    let reference = rows.first { $0.resolution == baseline }?.statistics
    distances = rows.map { row in reference.map { row.statistics.distance(to: $0) } ?? .zero }
  }

  /// The distance of `row` to the baseline; zero where the baseline was not measured.
  package func distance(_ row: Row) -> DistributionDistance {
    rows.firstIndex { $0.resolution == row.resolution }.map { distances[$0] } ?? .zero
  }

  /// As `distance`, of the values above zero alone.
  package func distanceAboveZero(_ row: Row) -> DistributionDistance {
    let reference = rows.first { $0.resolution == baseline }?.statistics.sorted
    return reference.map { row.statistics.sorted.distanceAboveZero(to: $0) } ?? .zero
  }

  /// Where the reported curves are taken: from 0 to the greatest value of all.
  private var knots: [Double] {
    ActivationStatistics.knots(to: max(rows.map { Double($0.statistics.sorted.maximum) }.max() ?? 1, 1e-6))
  }

  /// The figures, as `--json` prints them.
  package var json: JSON.Object {
    let knots = knots
    var object = JSON.Object()
    object["rows"] = .array(rows.map { entry($0, knots) })
    object["baseline"] = JSON(baseline)
    return object
  }

  private func entry(_ row: Row, _ knots: [Double]) -> JSON {
    let statistics = row.statistics
    let distance = distance(row)
    let curve = statistics.curve(at: knots)
    var object = JSON.Object()
    object["resolution"] = JSON(row.resolution)
    object["images"] = JSON(statistics.images)
    object["values"] = JSON(statistics.count)
    object["zero_share"] = JSON(statistics.zeroShare)
    object["share_0_to_1"] = JSON(statistics.shareZeroToOne)
    object["share_above_2"] = JSON(statistics.shareAboveTwo)
    object["mean"] = JSON(statistics.mean)
    object["std"] = JSON(statistics.standardDeviation)
    object["quantiles"] = .array(
      statistics.quantiles.map { ["share": JSON($0.share), "value": JSON($0.value)] })
    object["cdf"] = ["x": JSON(curve.x), "share": JSON(curve.share)]
    object["ks_to_train"] = JSON(distance.ks)
    object["w1_to_train"] = JSON(distance.w1)
    object["ks_above_zero_to_train"] = JSON(distanceAboveZero(row).ks)
    object["w1_above_zero_to_train"] = JSON(distanceAboveZero(row).w1)
    object["frechet"] = law(statistics.frechet)
    object["frechet_unconditional"] = law(statistics.frechetOfAll)
    object["failed"] = JSON(row.failures)
    return .object(object)
  }

  private func law(_ fit: FrechetLaw.Fit?) -> JSON {
    guard let fit else { return .null }
    return [
      "mu": JSON(fit.law.mu), "sigma": JSON(fit.law.sigma), "rms_error": JSON(fit.error),
      "values": JSON(fit.count),
    ]
  }

  /// The page with plots.
  package var page: HTMLReport {
    let first = rows.first?.statistics
    var page = HTMLReport(
      "Pooled activations against test resolution",
      subtitle:
        "\(model.architecture) (\(source)), \(Figures.grouped(first?.count ?? 0)) values a resolution from "
        + "\(Figures.grouped(first?.images ?? 0)) pictures of \(folder)")
    if let far = zip(rows, distances).max(by: { $0.1.ks < $1.1.ks }), far.1.ks > 0 {
      page.finding(
        "The distribution at \(far.0.resolution) is farthest from that at the training resolution \(baseline): "
          + "the distribution functions are \(Figures.fixed(far.1.ks, 3)) apart at most.")
    }
    page.plot(
      curves,
      caption:
        "Share of the pooled values, all channels together, that are at most x. Curves start at the share of "
        + "exact zeros; the strong one is the training resolution.")
    page.plot(
      shares,
      caption:
        "Pooling over fewer positions leaves more extreme values. Exact zeros are channels that nothing in the "
        + "picture excited.")
    addTable(&page)
    if let plot = fits {
      page.heading("Fréchet laws")
      page.plot(
        plot,
        caption:
          "Distribution functions of the values above zero (lines) and the laws P(x) = exp(-(1 + 0.3 (x - mu) / sigma)"
          + "^(-1/0.3)) fitted to them (dashed).")
    }
    return page
  }

  /// Plots end where nearly all curves have arrived at 1.
  private var plotEnd: Double {
    let end = rows.map { $0.statistics.sorted.quantile(0.975) }.max() ?? 1
    return end > 0 ? end : 1
  }

  private func colour(_ index: Int) -> Int {
    rows.count > 1 ? index * (Plot.colourCount - 1) / (rows.count - 1) : 1
  }

  private func points(_ end: Double) -> [Double] { (0..<240).map { end * Double($0) / 239 } }

  private var curves: Plot {
    let end = plotEnd
    var plot = Plot(
      "Distribution functions of the pooled activations",
      x: Axis("pooled activation x", covering: 0...end, widens: false),
      y: Axis("share of values up to x", covering: 0...1, tickCount: 5))
    plot.series = rows.enumerated().map { index, row in
      let values = points(end).map { (x: $0, y: row.statistics.sorted.distribution($0)) }
      let isBaseline = row.resolution == baseline
      var series = Plot.Series(
        "\(row.resolution)" + (isBaseline ? " (train)" : ""), values, colour: isBaseline ? nil : colour(index)
      )
      series.isStrong = isBaseline
      return series
    }
    return plot
  }

  private var shares: Plot {
    let most = rows.map { max($0.statistics.zeroShare, $0.statistics.shareAboveTwo) }.max() ?? 1
    var plot = Plot(
      "Exact zeros and large values",
      x: Axis("test resolution K_test (pixels)", at: rows.map { Double($0.resolution) }),
      y: Axis("share of the values (%)", covering: 0...max(100 * most, 1e-3)))
    func line(_ name: String, _ colour: Int, _ value: (ActivationStatistics) -> Double) -> Plot.Series {
      var series = Plot.Series(
        name, rows.map { (x: Double($0.resolution), y: 100 * value($0.statistics)) }, colour: colour)
      series.shape = .line(marked: true)
      return series
    }
    plot.series = [line("exactly 0", 1) { $0.zeroShare }, line("above 2", 7) { $0.shareAboveTwo }]
    plot.rules = [Plot.Rule(x: Double(baseline), name: "K_train \(baseline)")]
    return plot
  }

  private var fits: Plot? {
    let end = plotEnd
    var plot = Plot(
      "Values above zero and their Fréchet laws",
      x: Axis("pooled activation x", covering: 0...end, widens: false),
      y: Axis("share of values above zero, up to x", covering: 0...1, tickCount: 5))
    for (index, row) in rows.enumerated() {
      guard let fit = row.statistics.frechet, isShown(index) else { continue }
      let colour = colour(index)
      let measured = points(end).map { (x: $0, y: row.statistics.sorted.distributionAboveZero($0)) }
      plot.series.append(Plot.Series("\(row.resolution)", measured, colour: colour))
      var law = Plot.Series(
        "\(row.resolution) law", points(end).map { (x: $0, y: fit.law.distribution($0)) }, colour: colour)
      law.isDashed = true
      plot.series.append(law)
    }
    return plot.series.isEmpty ? nil : plot
  }

  /// The smallest, the training and the largest resolution; more curves would hide one another.
  private func isShown(_ index: Int) -> Bool {
    index == 0 || index == rows.count - 1 || rows[index].resolution == baseline
  }

  private func addTable(_ page: inout HTMLReport) {
    page.table(
      ["K_test", "zeros", "0 to 1", "above 2", "mean", "deviation", "KS", "W1", "mu", "sigma"],
      rows.map { row in
        let statistics = row.statistics
        let distance = distance(row)
        return [
          "\(row.resolution)", Figures.percent(statistics.zeroShare),
          Figures.percent(statistics.shareZeroToOne), Figures.percent(statistics.shareAboveTwo, 3),
          Figures.fixed(statistics.mean, 4), Figures.fixed(statistics.standardDeviation, 4),
          Figures.fixed(distance.ks, 4),
          Figures.fixed(distance.w1, 4), statistics.frechet.map { Figures.fixed($0.law.mu, 4) } ?? "",
          statistics.frechet.map { Figures.fixed($0.law.sigma, 4) } ?? "",
        ]
      }, emphasised: rows.firstIndex { $0.resolution == baseline })
  }
}
