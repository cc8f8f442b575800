import FixresBase
import FixresIR
import FixresImaging
import FixresMethod
import FixresRuntime

private enum Options {
  static let resolutions = Option(
    "--resolutions", "A,B,...", kind: .text, required: true, LabelledFolder.resolutionsSummary)
  static let average = Option(
    "--average", "A,B", kind: .text, "also average the softmax outputs at the resolutions A and B")
  static let budget = Option(
    "--budget", "MS", kind: .number(0...Double.greatestFiniteMagnitude),
    "also recommend the best resolution of at most MS milliseconds a picture")
}

extension Command {
  static let sweep = Command(
    "sweep", "measure accuracy, loss and latency at several test resolutions",
    example: "fixresc sweep resnet50.pth imagenet/val --resolutions 160,224,256,288,320,384 -o sweep.html",
    details:
      "Class folders are taken as by `eval`. Each resolution is compared with the training resolution on the same pictures (McNemar's exact test). Choose "
      + "a resolution on pictures that are not those you report.",
    arguments: [
      Shared.modelArgument, Argument("DIR", .one, kind: .folder(.input), "a folder of class folders"),
    ],
    groups: [
      OptionGroup(
        "Options",
        [
          Options.resolutions, Options.average, Options.budget, LabelledFolder.report, LabelledFolder.classes,
          LabelledFolder.limit, LabelledFolder.allowFailures, LabelledFolder.cache, LabelledFolder.cacheLimit,
        ]), Shared.pictures, Shared.model, Shared.engine,
    ],
    run: { try SweepRun($0).run() })
}

/// One run of `sweep`.
private struct SweepRun {
  let invocation: Invocation
  let cache: FeatureCache?
  var console: Console { invocation.console }

  init(_ invocation: Invocation) throws {
    self.invocation = invocation
    cache = try LabelledFolder.cache(invocation)
  }

  func run() throws -> JSON.Object {
    let source = try ModelSource.open(invocation.arguments[0], invocation)
    try ModelSource.requireClassifier(source.model, for: "sweep")
    let asked = try LabelledFolder.resolutions(Options.resolutions, invocation)
    let averaged = try average()
    let (resolutions, baseline) = try LabelledFolder.withBaseline(
      Set(asked + averaged).sorted(), source, console)
    let (pictures, matching) = try LabelledFolder.labelled(
      invocation.arguments[1], source.model.metadata, classCount: source.model.classCount, invocation,
      limit: invocation.integer(LabelledFolder.limit))
    LabelledFolder.warnOfSmall(resolutions.map { Extent(square: $0) }, invocation)
    var setup = ResolutionSweep.Setup(source.model, over: pictures)
    setup.session = ModelSource.sessionOptions(invocation)
    setup.cache = cache
    setup.preprocessor = { [invocation] (model) throws(ImageError) in
      try PictureSource.preprocessor(for: model, invocation)
    }
    var sweep = ResolutionSweep(rows: [], baseline: baseline)
    for (index, side) in resolutions.enumerated() {
      let label = "\(side) (\(index + 1) of \(resolutions.count))"
      sweep.rows.append(
        try row(
          setup, at: side, ClassificationScore(matching.reading, keepsLogits: averaged.contains(side)),
          label: label, warns: index == 0))
    }
    try measureLatencies(&sweep, setup)
    sweep.addAverage(averaged)
    let budget = invocation.number(Options.budget)
    show(sweep, budget)
    let report = SweepReport(
      sweep: sweep, model: source.model.metadata, source: invocation.arguments[0],
      folder: invocation.arguments[1], budget: budget)
    try LabelledFolder.write(report.page, LabelledFolder.report, invocation)
    var object = report.json
    for member in LabelledFolder.members(matching) { object[member.key] = member.value }
    return object
  }

  private func average() throws -> [Int] {
    guard invocation.has(Options.average) else { return [] }
    let pair = try LabelledFolder.resolutions(Options.average, invocation)
    guard pair.count == 2 else {
      throw invocation.conflict("--average: expected two resolutions such as 192,160, found \(pair.count)")
    }
    return pair
  }

  private func row(
    _ setup: ResolutionSweep.Setup, at side: Int, _ empty: ClassificationScore, label: String, warns: Bool
  ) throws(MethodError) -> ResolutionSweep.Row {
    var bar = Progress(label, total: setup.pictures.count, on: console)
    let (row, summary) = try ResolutionSweep.row(setup, at: side, empty) { bar.update($0, of: $1) }
    bar.finish()
    if warns { LabelledFolder.tell(summary, invocation) }
    LabelledFolder.tell(cache, taken: summary.cachedCount, of: summary.images, invocation)
    return row
  }

  private func measureLatencies(
    _ sweep: inout ResolutionSweep, _ setup: ResolutionSweep.Setup
  ) throws(MethodError) {
    var bar = Progress("latency", total: 0, on: console)
    try sweep.measureLatencies(setup) { bar.update($0, of: $1) }
    bar.finish()
    let noisy = sweep.rows.filter(sweep.isNoisy)
    guard !noisy.isEmpty else { return }
    let described = noisy.map { row in
      "\(row.resolution) (\(Text.fixed(row.latency.milliseconds, 2)) to \(Text.fixed(row.latency.greatest, 2)) ms)"
    }
    console.warn(
      "latencies were disturbed by other work and are uncertain at " + described.joined(separator: ", "))
  }

  private func show(_ sweep: ResolutionSweep, _ budget: Double?) {
    var table = Table(
      [.right, .right, .right, .right, .right, .right, .left],
      header: ["K_test", "top-1 %", "top-5 %", "loss", "ms", "p", ""])
    for row in sweep.rows {
      var remarks = row.resolution == sweep.baseline ? ["trained at"] : []
      if row.resolution == sweep.best?.resolution { remarks.append("best") }
      if row.resolution == sweep.recommended?.resolution { remarks.append("recommended") }
      if sweep.isNoisy(row) { remarks.append("ms uncertain") }
      table.add(
        cells(
          "\(row.resolution)", row.score, milliseconds: row.milliseconds, in: sweep,
          remark: remarks.joined(separator: ", ")))
    }
    if let average = sweep.average {
      let name = average.resolutions.map(String.init).joined(separator: "+")
      table.add(
        cells(
          name, average.score, milliseconds: average.milliseconds, in: sweep, remark: "softmax averaged"))
    }
    console.lines(table.lines())
    console.line()
    guard let choice = sweep.recommended, let best = sweep.best else { return }
    console.line("recommended: \(choice.resolution)" + verdict(choice, sweep))
    if best.resolution != choice.resolution {
      let p = PairedSignificance(choice.score.hits, best.score.hits).p
      console.line(
        "the highest top-1, at \(best.resolution), is not significantly above that of \(choice.resolution), which is "
          + "cheaper (p = \(Text.significant(p)))")
    }
    if let budget {
      console.line(
        "within \(Text.significant(budget)) ms: "
          + (sweep.recommended(within: budget).map { "\($0.resolution)" } ?? "none of these"))
    }
  }

  private func verdict(_ choice: ResolutionSweep.Row, _ sweep: ResolutionSweep) -> String {
    guard choice.resolution != sweep.baseline else { return ": nothing is significantly better" }
    guard let paired = sweep.significance(choice.score), paired.onlyFirst + paired.onlySecond > 0 else {
      return ": every picture as at \(sweep.baseline)"
    }
    return
      ": \(paired.onlySecond) pictures right that \(sweep.baseline) gets wrong, \(paired.onlyFirst) the other way "
      + "(p = \(Text.significant(paired.p))\(sweep.isSignificant(choice) ? "" : ", not significant"))"
  }

  private func cells(
    _ name: String, _ score: ClassificationScore, milliseconds: Double, in sweep: ResolutionSweep,
    remark: String
  ) -> [String] {
    let p = sweep.significance(score).map { Text.significant($0.p) } ?? ""
    return [
      name, Text.fixed(100 * score.top1, 2), Text.fixed(100 * score.top5, 2), Text.fixed(score.loss, 4),
      Text.fixed(milliseconds, 2), remark.hasPrefix("trained at") ? "" : p, remark,
    ]
  }
}
