import FixresBase
import FixresIR
import FixresImaging
import FixresMethod

private enum Options {
  static let resolution = Option(
    "--resolution", "K|HxW", kind: .size, "test resolution (default: the model's)")
  static let limit = Option(
    "--limit", "N", kind: .integer(1...Int.max), "only N pictures, at even distances in the folder")
}

extension Command {
  static let eval = Command(
    "eval", "measure top-1, top-5 and loss over a folder of labelled pictures",
    example: "fixresc eval resnet50-384.bin imagenet/val",
    details:
      "Folders are DIR/<class>/<picture>, called like the model's labels or WordNet identifiers. Where the model has "
      + "none, as many folders as classes are taken in byte-wise order of their names; anything else is an error, "
      + "which --classes settles.",
    arguments: [
      Shared.modelArgument, Argument("DIR", .one, kind: .folder(.input), "a folder of class folders"),
    ],
    groups: [
      OptionGroup(
        "Options",
        [
          Options.resolution, LabelledFolder.classes, Options.limit, LabelledFolder.cache,
          LabelledFolder.cacheLimit,
        ]), Shared.pictures,
      Shared.model,
      Shared.engine,
    ],
    run: { invocation in
      let console = invocation.console
      let source = try ModelSource.open(invocation.arguments[0], invocation)
      try ModelSource.requireClassifier(source.model, for: "eval")
      let folder = try PictureFolder.labelled(invocation.arguments[1], invocation)
      let target = invocation.size(Options.resolution).map { Extent($0.height, $0.width) }
      let matching = try LabelledFolder.matching(
        folder, source.model.metadata, classCount: source.model.classCount, invocation)
      try BatchNormCheck.warn(source.model, at: target, folder.entries.map(\.path), invocation)
      let model = try ModelSource.adapted(source.model, to: target, console)
      let preprocessor = try PictureSource.preprocessor(for: model, invocation)
      let session = try ModelSource.session(model, invocation)
      var bar = Progress("eval", total: folder.entries.count, on: console)
      let cache = try LabelledFolder.cache(invocation)
      var pictures = LabelledPictures(folder, matching, limit: invocation.integer(Options.limit))
      pictures.maximumFailures = PictureFolder.failureLimit(invocation)
      let result = try Evaluation.run(
        session, over: pictures, preprocessor: preprocessor, model: model,
        cached: CachedModel(model, in: cache)
      ) { done, total in
        bar.update(done, of: total)
      }
      bar.finish()
      tell(result, invocation)
      LabelledFolder.tell(cache, taken: result.cachedCount, of: result.images, invocation)
      printEvaluation(result, matching, at: model.graph.resolution, console)
      return evaluationObject(result, matching, model.graph.resolution)
    })

  private static func tell(_ result: Evaluation, _ invocation: Invocation) {
    PictureSource.warnOfTurned(result.turnedCount, invocation)
    PictureFolder.tell(result.failures, invocation)
  }

  private static func evaluationObject(
    _ result: Evaluation, _ matching: ClassMatching, _ resolution: Extent
  ) -> JSON.Object {
    var object = JSON.Object()
    object["top1"] = JSON(result.top1)
    object["top5"] = JSON(result.top5)
    object["loss"] = JSON(result.loss)
    object["images"] = JSON(result.images)
    object["images_per_second"] = JSON(result.imagesPerSecond)
    object["failed"] = JSON(result.failures.count)
    object["resolution"] = resolution.json
    for member in LabelledFolder.members(matching) { object[member.key] = member.value }
    if let all = result.overAll {
      object["over_all_logits"] = ["top1": JSON(all.top1), "top5": JSON(all.top5), "loss": JSON(all.loss)]
    }
    return object
  }

  private static func printEvaluation(
    _ result: Evaluation, _ matching: ClassMatching, at resolution: Extent, _ console: Console
  ) {
    var table = Table([.left, .right, .left])
    table.add(["top-1", Text.fixed(100 * result.top1, 2), "%"])
    table.add(["top-5", Text.fixed(100 * result.top5, 2), "%"])
    table.add(["loss", Text.fixed(result.loss, 4), ""])
    let rule =
      switch matching.rule {
      case .labels: "classes by label"
      case .synsets: "classes by WordNet identifier"
      case .numbers: "classes by number"
      case .order: "classes in order of their folders"
      case .file: "classes by --classes"
      }
    table.add(["pictures", Text.grouped(result.images), "at \(resolution), \(rule)"])
    if let all = result.overAll, let competing = result.reading.competing {
      table.add([
        "classes", "\(competing.count)",
        "of \(result.reading.scoreCount) compete; with all of them top-1 is \(Text.fixed(100 * all.top1, 2)) %",
      ])
    }
    table.add(["speed", Text.fixed(result.imagesPerSecond, 1), "pictures/s"])
    console.lines(table.lines())
  }
}
