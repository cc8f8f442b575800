import FixresBase
import FixresIR

/// The results of `finetune`, as JSON and as a page.
package struct FineTuningReport: Sendable {
  /// What was trained and measured.
  package let result: FineTuningResult
  /// The model's path.
  package let source: String
  /// The path of the training pictures.
  package let folder: String

  /// The report of `result`.
  package init(result: FineTuningResult, source: String, folder: String) {
    (self.result, self.source, self.folder) = (result, source, folder)
  }

  /// The score before training; nil where the classifier is new.
  private var scoreBefore: ClassificationScore? { result.hasNewHead ? nil : result.before.score }

  /// Before against after, picture by picture; nil where the classifier is new.
  package var significance: PairedSignificance? {
    scoreBefore.map { PairedSignificance($0.hits, result.after.score.hits) }
  }

  /// What the distances measure, in two sentences for the reader of a report.
  package static let distanceMeaning =
    "KS is the greatest gap to the distribution function of the pooled activations at the training resolution, W1 "
    + "the area between the two: first of the values above zero, as the paper's law is fitted, then of all values. "
    + "How many values are exactly zero depends on how many positions are averaged, which no statistics undo."

  /// The figures, as `--json` prints them.
  package var json: JSON.Object {
    var object = JSON.Object()
    object["epochs"] = .array(result.epochs.map(\.json))
    object["before_top1"] = scoreBefore.map { JSON($0.top1) } ?? .null
    object["before_loss"] = scoreBefore.map { JSON($0.loss) } ?? .null
    object["after_top1"] = JSON(result.after.score.top1)
    object["after_loss"] = JSON(result.after.score.loss)
    object["ks_of"] = "values above zero"
    for (name, distance) in [("before", result.distanceBefore), ("after", result.distanceAfter)] {
      object["ks_\(name)"] = distance.map { JSON($0.aboveZero.ks) } ?? .null
      object["w1_\(name)"] = distance.map { JSON($0.aboveZero.w1) } ?? .null
      object["ks_with_zeros_\(name)"] = distance.map { JSON($0.all.ks) } ?? .null
      object["w1_with_zeros_\(name)"] = distance.map { JSON($0.all.w1) } ?? .null
    }
    object["zero_share_before"] = JSON(result.before.statistics.zeroShare)
    object["zero_share_after"] = JSON(result.after.statistics.zeroShare)
    object["p_value"] = significance.map { JSON($0.p) } ?? .null
    object["measured_on"] = .string(result.isHeldOut ? "validation" : "training")
    object["measured_images"] = JSON(result.after.score.images)
    object["images"] = JSON(result.images)
    object["kept_epoch"] = JSON(result.keptEpoch)
    object["resumed_epochs"] = JSON(result.resumedEpochs)
    object["images_per_second"] = JSON(result.extraction.imagesPerSecond)
    object["failed"] = JSON(result.extraction.failures.count)
    object["cache"] = .string(result.cachesOnDisk ? "disk" : "memory")
    return object
  }

  /// The page with plots.
  package var page: HTMLReport {
    let on =
      "\(Figures.grouped(result.after.score.images)) \(result.isHeldOut ? "validation" : "training") pictures"
    var page = HTMLReport(
      "Fine-tuned at \(result.after.resolution)",
      subtitle: "\(source) on \(Figures.grouped(result.images)) pictures of \(folder), measured on \(on)")
    page.finding(verdict)
    addTable(&page)
    page.paragraph(Self.distanceMeaning)
    if result.reference != nil {
      page.plot(
        distributions,
        caption:
          "Share of the pooled values above zero, all channels together, that are at most x. "
          + "New statistics of the last batch norm move the curve at the test resolution; the strong one is where "
          + "the classifier learned.")
    }
    if !result.epochs.isEmpty {
      page.plot(
        epochs("Loss", axis: "mean cross-entropy (nats)", unit: 1, \.loss) { $0.validateLoss },
        caption:
          "Training loss is the mean over an epoch's batches while the parameters move, label smoothing "
          + "included; validation loss is measured after the epoch.")
      page.plot(
        epochs("Top-1 accuracy", axis: "top-1 (%)", unit: 100, \.trainTop1) { $0.validateTop1 },
        caption: "Kept: epoch \(result.keptEpoch) of \(result.epochs.count).")
    }
    return page
  }

  private var verdict: String {
    let after = result.after.score
    guard let before = scoreBefore else {
      return "A new classifier reaches \(Figures.percent(after.top1)) top-1 and a loss of "
        + "\(Figures.fixed(after.loss, 4))."
    }
    let p = significance.map { " (p = \(Figures.probability($0.p)))" } ?? ""
    var text =
      "Top-1 \(Figures.percent(before.top1)) before, \(Figures.percent(after.top1)) after\(p); loss "
      + "\(Figures.fixed(before.loss, 4)) before, \(Figures.fixed(after.loss, 4)) after."
    if let old = result.distanceBefore, let new = result.distanceAfter, let reference = result.reference {
      text +=
        " The activations' distribution above zero was \(Figures.fixed(old.aboveZero.ks, 3)) from that at "
        + "\(reference.resolution) at most, now \(Figures.fixed(new.aboveZero.ks, 3))."
    }
    return text
  }

  private func addTable(_ page: inout HTMLReport) {
    func row(
      _ name: String, _ measured: FineTuningResult.Measurement, _ distance: FineTuningResult.Distance?,
      hasScore: Bool = true
    ) -> [String] {
      [name]
        + (hasScore
          ? [Figures.percent(measured.score.top1), Figures.fixed(measured.score.loss, 4)] : ["", ""])
        + [distance?.aboveZero.ks, distance?.aboveZero.w1, distance?.all.ks, distance?.all.w1].map {
          $0.map { Figures.fixed($0, 4) } ?? ""
        } + [Figures.percent(measured.statistics.zeroShare)]
    }
    var rows: [[String]] = []
    let hasScores = !result.hasNewHead
    if let reference = result.reference {
      rows.append(row("at \(reference.resolution), as trained", reference, nil, hasScore: hasScores))
    }
    let before = "at \(result.before.resolution), before"
    rows.append(row(before, result.before, result.distanceBefore, hasScore: hasScores))
    rows.append(row("at \(result.after.resolution), after", result.after, result.distanceAfter))
    page.table(
      ["", "top-1", "loss", "KS above 0", "W1 above 0", "KS of all", "W1 of all", "zeros"], rows,
      emphasised: rows.count - 1)
  }

  /// The paper's picture: in training, and at the test resolution before and after.
  private var distributions: Plot {
    let curves: [(name: String, measured: FineTuningResult.Measurement?, colour: Int?)] = [
      ("as trained", result.reference, nil), ("before", result.before, 7), ("after", result.after, 2),
    ]
    let end = curves.compactMap { $0.measured?.statistics.sorted.quantile(0.975) }.max() ?? 1
    var plot = Plot(
      "Pooled activations above zero, before and after",
      x: Axis("pooled activation x", covering: 0...(end > 0 ? end : 1), widens: false),
      y: Axis("share of values above zero, up to x", covering: 0...1, tickCount: 5))
    for curve in curves {
      guard let measured = curve.measured else { continue }
      let sorted = measured.statistics.sorted
      let points = (0..<240).map { index in
        let x = end * Double(index) / 239
        return (x: x, y: sorted.distributionAboveZero(x))
      }
      var series = Plot.Series("\(measured.resolution), \(curve.name)", points, colour: curve.colour)
      series.isStrong = curve.colour == nil
      plot.series.append(series)
    }
    return plot
  }

  private func epochs(
    _ title: String, axis label: String, unit: Double, _ train: (EpochRecord) -> Double,
    _ validation: (EpochRecord) -> Double?
  ) -> Plot {
    func points(_ value: (EpochRecord) -> Double?) -> [(x: Double, y: Double)] {
      result.epochs.enumerated().compactMap { index, record in
        value(record).map { (x: Double(index + 1), y: unit * $0) }
      }
    }
    let (trained, held) = (points(train), points(validation))
    let values = (trained + held).map(\.y).filter(\.isFinite)
    let (low, high) = (values.min() ?? 0, values.max() ?? 1)
    var plot = Plot(
      title, x: Axis("epoch", covering: 1...Double(max(result.epochs.count, 2)), widens: false),
      y: Axis(label, covering: low...max(high, low + 1e-9)))
    for (name, points, colour) in [("training", trained, 1), ("validation", held, 7)] where !points.isEmpty {
      var series = Plot.Series(name, points, colour: colour)
      series.shape = .line(marked: true)
      plot.series.append(series)
    }
    return plot
  }
}
