import FixresBase
import FixresIR
import FixresImaging
import FixresMethod
import FixresRuntime

private enum Options {
  static let resolutions = Option(
    "--resolutions", "A,B,...", kind: .text, required: true, LabelledFolder.resolutionsSummary)
  static let saveFeatures = Option(
    "--save-features", "PREFIX", kind: .file(.outputPrefix),
    "write each resolution's pooled features to PREFIX-K.npy, float32 [N,F]")
}

extension Command {
  static let stats = Command(
    "stats", "measure the pooled activations' distribution at several test resolutions",
    example: "fixresc stats resnet50.pth imagenet/val --resolutions 64,128,224,448 -o stats.html",
    details:
      "Distances are to the distribution at the training resolution, on the same pictures: KS is the greatest gap "
      + "between the distribution functions, W1 the area between them. Classes do not matter here.",
    arguments: [
      Shared.modelArgument,
      Argument("DIR", .one, kind: .folder(.input), "a folder of pictures or of class folders"),
    ],
    groups: [
      OptionGroup(
        "Options",
        [
          Options.resolutions, LabelledFolder.report, Options.saveFeatures, LabelledFolder.limit,
          LabelledFolder.allowFailures, LabelledFolder.cache, LabelledFolder.cacheLimit,
        ]), Shared.pictures, Shared.model, Shared.engine,
    ],
    run: { try StatsRun($0).run() })
}

/// One run of `stats`.
private struct StatsRun {
  let invocation: Invocation
  let cache: FeatureCache?
  var console: Console { invocation.console }

  init(_ invocation: Invocation) throws {
    self.invocation = invocation
    cache = try LabelledFolder.cache(invocation)
  }

  func run() throws -> JSON.Object {
    let source = try ModelSource.open(invocation.arguments[0], invocation)
    let (resolutions, baseline) = try LabelledFolder.withBaseline(
      LabelledFolder.resolutions(Options.resolutions, invocation), source, console)
    let pictures = try LabelledFolder.unlabelled(
      invocation.arguments[1], invocation, limit: invocation.integer(LabelledFolder.limit))
    LabelledFolder.warnOfSmall(resolutions.map { Extent(square: $0) }, invocation)
    try BatchNormCheck.warn(
      source.model, at: resolutions.first.map { Extent(square: $0) }, pictures.entries.map(\.path), invocation
    )
    var rows: [StatisticsReport.Row] = []
    for (index, side) in resolutions.enumerated() {
      let label = "\(side) (\(index + 1) of \(resolutions.count))"
      rows.append(try row(source.model, at: side, pictures, label: label, warns: index == 0))
    }
    let report = StatisticsReport(
      rows: rows, baseline: baseline, model: source.model.metadata, source: invocation.arguments[0],
      folder: invocation.arguments[1])
    show(report)
    try LabelledFolder.write(report.page, LabelledFolder.report, invocation)
    return report.json
  }

  private func row(
    _ model: Model, at side: Int, _ pictures: LabelledPictures, label: String, warns: Bool
  ) throws -> StatisticsReport.Row {
    let ready = try Trunk.ready(model, at: Extent(square: side))
    let session = try ModelSource.session(ready, invocation)
    var bar = Progress(label, total: pictures.count, on: console)
    let set = try FeatureSet(
      session, try PictureSource.preprocessor(for: ready, invocation), pictures,
      model: ready, cached: CachedModel(ready, in: cache), progress: { bar.update($0, of: $1) })
    bar.finish()
    LabelledFolder.tell(cache, taken: set.summary.cachedCount, of: set.summary.images, invocation)
    if warns { LabelledFolder.tell(set.summary, invocation) }
    if let prefix = invocation.text(Options.saveFeatures) {
      let path = "\(prefix)-\(side).npy"
      try naming(path) { try Npy.write(set.compact, shape: [set.count, set.featureCount], to: path) }
    }
    return StatisticsReport.Row(
      resolution: side, statistics: set.statistics, failures: set.summary.failures.count)
  }

  private func show(_ report: StatisticsReport) {
    var table = Table(
      [.right, .right, .right, .right, .right, .right, .right, .right, .right, .right],
      header: ["K_test", "zeros", "0 to 1", "above 2", "mean", "std", "KS", "W1", "mu", "sigma"])
    for row in report.rows {
      let statistics = row.statistics
      let distance = report.distance(row)
      table.add([
        "\(row.resolution)", Text.fixed(statistics.zeroShare, 4), Text.fixed(statistics.shareZeroToOne, 4),
        Text.fixed(statistics.shareAboveTwo, 5), Text.fixed(statistics.mean, 4),
        Text.fixed(statistics.standardDeviation, 4), Text.fixed(distance.ks, 4), Text.fixed(distance.w1, 4),
        statistics.frechet.map { Text.fixed($0.law.mu, 4) } ?? "-",
        statistics.frechet.map { Text.fixed($0.law.sigma, 4) } ?? "-",
      ])
    }
    console.lines(table.lines())
    if let first = report.rows.first?.statistics {
      console.line()
      console.line(
        "\(Text.grouped(first.count)) values of \(Text.grouped(first.images)) pictures a row; KS and W1 to \(report.baseline)"
      )
    }
  }
}
