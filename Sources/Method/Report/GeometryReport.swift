import FixresBase
import FixresIR

/// The results of `analyze`, as JSON and as a page.
package struct GeometryReport: Sendable {
  /// The figures that are reported.
  package let analysis: GeometryAnalysis
  /// The model's path; nil without a model.
  package let source: String?
  /// Where picture sizes were taken from; nil for one usual size.
  package let folder: String?

  /// The report of `analysis`.
  package init(analysis: GeometryAnalysis, source: String?, folder: String?) {
    (self.analysis, self.source, self.folder) = (analysis, source, folder)
  }

  /// The figures, as `--json` prints them.
  package var json: JSON.Object {
    let measured = analysis.measured
    var object = JSON.Object()
    object["train_resolution"] = JSON(analysis.train)
    object["test_resolution"] = JSON(analysis.test)
    object["image_resolution"] = JSON(analysis.imageSide)
    object["expected_size_ratio"] = JSON(analysis.paperRatio)
    object["size_factor"] = JSON(analysis.paperFactor)
    object["scale_correction"] = JSON(analysis.paperCorrection)
    object["recommended_resolution"] = JSON(analysis.recommended)
    object["recommended_by"] = .string(analysis.hasPictures ? "measured" : "paper")
    object["aligned_resolution"] = JSON(analysis.alignedRecommendation)
    object["lower_train_resolution"] = JSON(analysis.paperLower)
    object["apparent_size"] = [
      "camera_size": JSON(GeometryAnalysis.cameraSize), "focal_share": JSON(analysis.focalShare),
      "train_pixels": JSON(analysis.trainedPixels), "test_pixels": JSON(analysis.testedPixels),
    ]
    object["measured"] = [
      "pictures": JSON(analysis.hasPictures ? analysis.pictureCount : 0), "draws": JSON(measured.draws),
      "expected_size_ratio": JSON(analysis.measuredRatio), "size_factor": JSON(analysis.measuredFactor),
      "scale_correction": JSON(analysis.measuredCorrection),
      "recommended_resolution": JSON(analysis.measuredMatch),
      "lower_train_resolution": JSON(analysis.measuredLower), "mean_share": JSON(measured.meanShare),
      "mean_sigma": JSON(measured.meanSigma), "mean_inverse_sigma": JSON(measured.meanInverseSigma),
      "first_try_share": JSON(measured.firstTryShare), "fallback_share": JSON(measured.fallbackShare),
    ]
    object["train_share_histogram"] = JSON(measured.histogram.normalized)
    object["test_share_histogram"] = JSON(analysis.testHistogram.normalized)
    object["ideal_share_histogram"] = JSON(analysis.paper.histogram.normalized)
    return object
  }

  /// The page with plots.
  package var page: HTMLReport {
    let measuredOn =
      folder.map { "\(Figures.grouped(analysis.pictureCount)) pictures of \($0)" }
      ?? "no pictures; crops are drawn on 500x375"
    var page = HTMLReport(
      "Apparent object size: trained at \(analysis.train), tested at \(analysis.test)",
      subtitle: [source, measuredOn].compactMap(\.self).joined(separator: " · "))
    page.finding(
      analysis.hasPictures
        ? "At test, objects look \(Figures.fixed(analysis.measuredRatio, 2)) times as large as in training, measured on "
          + "these sizes (by the paper's formula: \(Figures.fixed(analysis.paperRatio, 2))). They match at a test "
          + "resolution of \(analysis.measuredMatch) (\(analysis.paperMatch))."
        : "At test, objects look \(Figures.fixed(analysis.paperRatio, 2)) times as large as in training, by the paper's "
          + "formula. They match at a test resolution of \(analysis.paperMatch).")
    addTable(&page)
    page.heading("How much of a picture the network sees")
    page.plot(
      shares,
      caption: "Region of classification: share of the picture's area inside the crop. Training crops "
        + "are drawn \(Figures.grouped(analysis.measured.draws)) times, with RandomResizedCrop's rejections; the "
        + "test crop is the centre \(analysis.test) of a picture resized to \(analysis.imageSide).")
    page.heading("Which test resolution matches")
    page.plot(
      ratios,
      caption:
        "Expected ratio of the apparent sizes, r_test / r_train = F K_img / K_train. At 1 objects look as "
        + "large at test as in training. Paper: F = \(Figures.fixed(analysis.paperFactor, 4))"
        + (analysis.hasPictures ? "; measured: \(Figures.fixed(analysis.measuredFactor, 4))." : "."))
    page.heading("What a lower training resolution would allow")
    page.paragraph(
      "A network that is to be used at \(analysis.test) could be trained at \(analysis.paperLower) "
        + (analysis.hasPictures ? "(measured: \(analysis.measuredLower)) " : "")
        + "and see objects of the size it was trained on; training then costs about "
        + "\(Figures.fixed(trainingShare, 2)) of the multiply-accumulates.")
    return page
  }

  /// Convolution work grows with the area.
  private var trainingShare: Double {
    let side = Double(analysis.paperLower) / Double(analysis.test)
    return side * side
  }

  private func addTable(_ page: inout HTMLReport) {
    let (paper, measured) = (analysis.paper, analysis.measured)
    func row(_ name: String, _ first: Double, _ second: Double, _ decimals: Int) -> [String] {
      [name, Figures.fixed(first, decimals), Figures.fixed(second, decimals)]
    }
    let rows = [
      row("mean share of the area that a training crop takes", paper.meanShare, measured.meanShare, 4),
      row("mean of its root, sigma", paper.meanSigma, measured.meanSigma, 4),
      row("size factor F", analysis.paperFactor, analysis.measuredFactor, 4),
      row("r_test / r_train", analysis.paperRatio, analysis.measuredRatio, 4),
      row("correction of the test resolution", analysis.paperCorrection, analysis.measuredCorrection, 4),
      row(
        "matching test resolution (pixels)", Double(analysis.paperMatch), Double(analysis.measuredMatch), 0),
      row(
        "training resolution that \(analysis.test) allows (pixels)", Double(analysis.paperLower),
        Double(analysis.measuredLower), 0),
      [
        "object of 1/10 of its distance, in training (pixels)", Figures.fixed(analysis.trainedPixels, 1),
        "",
      ],
      ["the same object at test (pixels)", Figures.fixed(analysis.testedPixels, 1), ""],
    ]
    // Without pictures nothing was measured.
    let columns = analysis.hasPictures ? 3 : 2
    page.table(
      Array(["", "paper", "measured"].prefix(columns)), rows.map { Array($0.prefix(columns)) })
  }

  private var shares: Plot {
    let test = analysis.testHistogram.normalized
    let train = analysis.measured.histogram.normalized
    let width = 1 / Double(train.count)
    let most = (test + train).max() ?? 1
    var plot = Plot(
      "Region of classification in training and at test",
      x: Axis("share of the picture's area", covering: 0...1, tickCount: 10),
      y: Axis("share of the crops (%)", covering: 0...100 * most))
    func bars(_ name: String, _ values: [Double], _ colour: Int, _ offset: Double) -> Plot.Series {
      let points = values.enumerated().map { index, value in
        (x: (Double(index) + 0.5 + offset) * width, y: 100 * value)
      }
      var series = Plot.Series(name, points, colour: colour)
      series.shape = .bars(width: 0.42 * width)
      return series
    }
    plot.series = [bars("training crop", train, 0, -0.22), bars("test crop", test, 6, 0.22)]
    return plot
  }

  private var ratios: Plot {
    let highest = max(2 * analysis.train, analysis.test + 32)
    let sides = stride(from: max(8, analysis.train / 4), through: highest, by: max(1, highest / 200)).map(
      \.self)
    func line(_ name: String, _ factor: Double, _ colour: Int) -> Plot.Series {
      let points = sides.map { (x: Double($0), y: analysis.ratio(factor, at: $0)) }
      return Plot.Series(name, points, colour: colour)
    }
    let top = max(
      analysis.ratio(analysis.paperFactor, at: highest), analysis.ratio(analysis.measuredFactor, at: highest))
    var plot = Plot(
      "Apparent size at test by apparent size in training",
      x: Axis("test resolution K_test (pixels)", covering: 0...Double(highest), tickCount: 8),
      y: Axis("r_test / r_train", covering: 0...top))
    var one = Plot.Series("equal size", [(0, 1), (Double(highest), 1)], colour: nil)
    one.isDashed = true
    plot.series = [line("paper", analysis.paperFactor, 1)]
    if analysis.hasPictures { plot.series.append(line("measured", analysis.measuredFactor, 7)) }
    plot.series.append(one)
    plot.rules = [
      Plot.Rule(x: Double(analysis.train), name: "K_train \(analysis.train)"),
      Plot.Rule(x: Double(analysis.recommended), name: "match \(analysis.recommended)"),
    ]
    return plot
  }
}
