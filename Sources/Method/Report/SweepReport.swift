import FixresBase
import FixresIR

/// The results of `sweep`, as JSON and as a page.
package struct SweepReport: Sendable {
  /// What was measured.
  package let sweep: ResolutionSweep
  /// What is known of the model.
  package let model: ModelMetadata
  /// The model's path.
  package let source: String
  /// The path of the pictures.
  package let folder: String
  /// Milliseconds.
  package let budget: Double?

  /// The report of `sweep`; `budget` bounds the latency of a second recommendation.
  package init(
    sweep: ResolutionSweep, model: ModelMetadata, source: String, folder: String, budget: Double?
  ) {
    (self.sweep, self.model, self.source) = (sweep, model, source)
    (self.folder, self.budget) = (folder, budget)
  }

  /// The figures, as `--json` prints them.
  package var json: JSON.Object {
    var object = JSON.Object()
    object["rows"] = .array(sweep.rows.map(row))
    object["baseline"] = JSON(sweep.baseline)
    object["recommended"] = sweep.recommended.map { JSON($0.resolution) } ?? .null
    object["recommended_p_value"] =
      sweep.recommended.flatMap { sweep.significance($0.score) }.map { JSON($0.p) } ?? .null
    object["recommended_is_significant"] = JSON(sweep.recommended.map(sweep.isSignificant) ?? false)
    object["best"] = sweep.best.map { JSON($0.resolution) } ?? .null
    object["best_p_value"] = sweep.best.flatMap { sweep.significance($0.score) }.map { JSON($0.p) } ?? .null
    object["recommended_within_budget"] =
      budget.flatMap(sweep.recommended(within:)).map { JSON($0.resolution) } ?? .null
    if let average = sweep.average {
      var entry = score(average.score)
      entry["resolutions"] = JSON(average.resolutions)
      entry["milliseconds"] = JSON(average.milliseconds)
      object["average"] = .object(entry)
    }
    return object
  }

  private func row(_ row: ResolutionSweep.Row) -> JSON {
    var object = JSON.Object()
    object["resolution"] = JSON(row.resolution)
    for member in score(row.score).members { object[member.key] = member.value }
    object["milliseconds"] = JSON(row.milliseconds)
    object["milliseconds_range"] = [JSON(row.latency.milliseconds), JSON(row.latency.greatest)]
    object["milliseconds_uncertain"] = JSON(sweep.isNoisy(row))
    object["images_per_second"] = JSON(row.imagesPerSecond)
    object["macs"] = JSON(row.macs)
    object["failed"] = JSON(row.failures)
    object["expected_size_ratio"] = row.expectedSizeRatio.map { JSON($0) } ?? .null
    return .object(object)
  }

  private func score(_ score: ClassificationScore) -> JSON.Object {
    let paired = sweep.significance(score)
    var object = JSON.Object()
    object["top1"] = JSON(score.top1)
    object["top5"] = JSON(score.top5)
    object["loss"] = JSON(score.loss)
    object["images"] = JSON(score.images)
    object["p_value"] = paired.map { JSON($0.p) } ?? .null
    object["loss_p_value"] = sweep.lossDifference(score).map { JSON($0.p) } ?? .null
    object["only_baseline_right"] = paired.map { JSON($0.onlyFirst) } ?? .null
    object["only_this_right"] = paired.map { JSON($0.onlySecond) } ?? .null
    return object
  }

  /// The page with plots.
  package var page: HTMLReport {
    let images = sweep.rows.first?.score.images ?? 0
    var page = HTMLReport(
      "Accuracy against test resolution",
      subtitle: "\(model.architecture) (\(source)) on \(Figures.grouped(images)) pictures of \(folder)")
    page.finding(verdict)
    page.plot(
      plot("Top-1 accuracy", "top-1 (%)", colour: 1) { 100 * $0.score.top1 },
      caption: "Each point is the whole set at one resolution, the pictures resized and cropped for it.")
    page.plot(
      plot("Loss", "mean cross-entropy (nats)", colour: 7) { $0.score.loss },
      caption: "Lower is better. Loss shows miscalibration that top-1 does not; fine-tuning mends it.")
    page.plot(
      plot("Latency of one picture", "latency (ms)", colour: 3, fromZero: true) { $0.milliseconds },
      caption: "Least lower quartile of three rounds of single runs on this machine, without decoding. "
        + uncertainty)
    addTable(&page)
    page.paragraph(
      "p is McNemar's exact two-sided test on the pictures on which a resolution and the training resolution "
        + "\(sweep.baseline) disagree. A resolution that was chosen on these pictures should be confirmed on others."
    )
    return page
  }

  private var uncertainty: String {
    let noisy = sweep.rows.filter(sweep.isNoisy).map { "\($0.resolution)" }
    return noisy.isEmpty ? "" : "Disturbed by other work, and uncertain: \(noisy.joined(separator: ", "))."
  }

  private var verdict: String {
    guard let choice = sweep.recommended, let base = sweep.baselineRow, let best = sweep.best else {
      return "Nothing was measured."
    }
    let gain = 100 * (choice.score.top1 - base.score.top1)
    var text: String
    if choice.resolution == base.resolution {
      text =
        "Nothing here is significantly better than the training resolution \(sweep.baseline): "
        + "\(Figures.percent(choice.score.top1)) top-1."
    } else {
      let p = sweep.significance(choice.score).map { ", p = \(Figures.probability($0.p))" } ?? ""
      text =
        "Recommended: \(choice.resolution), \(Figures.percent(choice.score.top1)) top-1, "
        + "\(Figures.fixed(abs(gain), 2)) points \(gain < 0 ? "below" : "above") the training resolution "
        + "\(sweep.baseline)\(p)"
        + (sweep.isSignificant(choice) ? "." : ", which chance may explain.")
    }
    if best.resolution != choice.resolution {
      text +=
        " The highest top-1, \(Figures.percent(best.score.top1)) at \(best.resolution), is not significantly above "
        + "it and costs more."
    }
    if let budget {
      let within = sweep.recommended(within: budget).map { "\($0.resolution)" } ?? "none of these"
      text += " Within \(Figures.short(budget, 3)) ms: \(within)."
    }
    return text
  }

  private func plot(
    _ title: String, _ label: String, colour: Int, fromZero: Bool = false,
    _ value: (ResolutionSweep.Row) -> Double
  ) -> Plot {
    let values = sweep.rows.map(value)
    let (low, high) = (fromZero ? 0 : values.min() ?? 0, values.max() ?? 1)
    var plot = Plot(
      title, x: Axis("test resolution K_test (pixels)", at: sweep.rows.map { Double($0.resolution) }),
      y: Axis(label, covering: low...max(high, low + 1e-9)))
    var series = Plot.Series(
      title, sweep.rows.map { (x: Double($0.resolution), y: value($0)) }, colour: colour)
    series.shape = .line(marked: true)
    plot.series = [series]
    plot.rules = [Plot.Rule(x: Double(sweep.baseline), name: "K_train \(sweep.baseline)")]
    if let best = sweep.recommended, best.resolution != sweep.baseline {
      plot.rules.append(Plot.Rule(x: Double(best.resolution), name: "recommended \(best.resolution)"))
    }
    return plot
  }

  private func addTable(_ page: inout HTMLReport) {
    var rows = sweep.rows.map { row in
      cells(
        "\(row.resolution)", row.score, milliseconds: row.milliseconds, ratio: row.expectedSizeRatio,
        side: row.resolution)
    }
    if let average = sweep.average {
      let name = average.resolutions.map(String.init).joined(separator: " + ")
      rows.append(cells(name, average.score, milliseconds: average.milliseconds, ratio: nil, side: nil))
    }
    page.table(
      ["K_test", "top-1", "top-5", "loss", "latency (ms)", "r_test / r_train", "p"], rows,
      emphasised: sweep.rows.firstIndex { $0.resolution == sweep.recommended?.resolution })
  }

  private func cells(
    _ name: String, _ score: ClassificationScore, milliseconds: Double, ratio: Double?, side: Int?
  ) -> [String] {
    let p = side == sweep.baseline ? "" : sweep.significance(score).map { Figures.probability($0.p) } ?? ""
    return [
      name, Figures.percent(score.top1), Figures.percent(score.top5), Figures.fixed(score.loss, 4),
      Figures.fixed(milliseconds, 2), ratio.map { Figures.fixed($0, 3) } ?? "", p,
    ]
  }
}

extension ResolutionSweep {
  /// Averages the softmax outputs of the two rows at `resolutions`; nothing where they are not two.
  package mutating func addAverage(_ resolutions: [Int]) {
    let parts = resolutions.compactMap { side in rows.first { $0.resolution == side } }
    guard parts.count == 2 else { return }
    average = Average(
      resolutions: resolutions, score: .averaged(parts[0].score, parts[1].score),
      milliseconds: parts[0].milliseconds + parts[1].milliseconds)
  }
}
