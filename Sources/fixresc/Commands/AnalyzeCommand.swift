import FixresBase
import FixresFormats
import FixresIR
import FixresImaging
import FixresMethod

private enum Options {
  static let to = Option(
    "--to", "K", kind: .integer(1...32768), "the test resolution to look at (default: the model's)")
  static let images = Option(
    "--images", "DIR", kind: .folder(.input),
    "measure on the sizes of the pictures in this folder too, and recommend by that; only headers are read")
  static let fieldOfView = Option(
    "--field-of-view", "DEG", kind: .number(1...179),
    "the camera's angle of view (default 53.13, for which k = 1)")
}

extension Command {
  static let analyze = Command(
    "analyze", "compute how large objects look in training and at test, and which resolution matches",
    example: "fixresc analyze resnet50.pth --images imagenet/val -o analyze.html",
    details:
      "RandomResizedCrop enlarges what it crops, a resized centre crop does not: at equal resolution objects look "
      + "smaller at test. `paper` values take the published formulas, `measured` ones draw training's crops on the sizes of your pictures, "
      + "and are recommended where there are any.",
    arguments: [
      Argument(
        "MODEL", .optional, kind: .file(.model),
        "a model file or checkpoint (default: trained at 224, or --train-resolution)")
    ],
    groups: [
      OptionGroup(
        "Options",
        [
          Options.to, Options.images, Options.fieldOfView, PictureFolder.allPictures,
          PictureFolder.maximumFailures, LabelledFolder.report,
        ]),
      Shared.model,
    ],
    run: { try AnalyzeRun($0).run() })
}

/// One run of `analyze`.
private struct AnalyzeRun {
  let invocation: Invocation
  var console: Console { invocation.console }

  init(_ invocation: Invocation) { self.invocation = invocation }

  /// ImageNet's most common picture size.
  private static let usualSize = Extent(375, 500)
  private static let usualResolution = 224

  func run() throws -> JSON.Object {
    var metadata = ModelMetadata(architecture: "")
    var test: Int?
    if let path = invocation.arguments.first {
      let model = try ModelSource.open(path, invocation).model
      metadata = model.metadata
      test = min(model.graph.resolution.height, model.graph.resolution.width)
      guard metadata.trainResolution != nil else { throw MethodError.unknownTrainResolution }
    } else {
      let usual = PictureFacts.Network(channels: 3, usualResolution: Extent(square: Self.usualResolution))
      let pictures = try ModelSource.options(invocation).pictures(nil, network: usual)
      (metadata.preprocessing, metadata.trainResolution) = (pictures.preprocessing, pictures.trainResolution)
    }
    let train = metadata.trainResolution.map { min($0.height, $0.width) } ?? Self.usualResolution
    let sizes = try pictureSizes()
    let analysis = GeometryAnalysis(
      train: train, test: invocation.integer(Options.to) ?? test ?? train,
      preprocessing: metadata.preprocessing, sizes: sizes, hasPictures: invocation.has(Options.images),
      fieldOfView: invocation.number(Options.fieldOfView))
    let report = GeometryReport(
      analysis: analysis, source: invocation.arguments.first, folder: invocation.text(Options.images))
    show(analysis)
    try LabelledFolder.write(report.page, LabelledFolder.report, invocation)
    return report.json
  }

  private func pictureSizes() throws -> [PictureSizeCount] {
    guard let path = invocation.text(Options.images) else { return [PictureSizeCount(Self.usualSize)] }
    let paths = try PictureFolder.pictures(path, invocation)
    var sizes: [Extent] = []
    var failures = PictureFailures()
    var streak = FailureStreak(limit: PictureFolder.failureLimit(invocation))
    var bar = Progress("headers", total: paths.count, on: console)
    for (index, path) in paths.enumerated() {
      do throws(ImageError) {
        sizes.append(try size(path))
        streak.end()
      } catch {
        let failure = Evaluation.Failure(path: path, error: error)
        failures.append(failure)
        streak.add(failure, number: index)
        if streak.isTooLong, let first = streak.first {
          throw MethodError.failuresInSuccession(
            count: streak.count, done: index + 1, pictures: paths.count, first: first.path, first.error)
        }
      }
      bar.update(index + 1)
    }
    bar.finish()
    guard !sizes.isEmpty else { throw MethodError.noPictures(path: path) }
    PictureFolder.tell(failures, invocation)
    return PictureSizeCount.grouped(sizes)
  }

  /// The size in the header of the picture at `path`.
  private func size(_ path: String) throws(ImageError) -> Extent {
    let bytes: Bytes
    do { bytes = try FileContents.read(path, limit: FileContents.pictureLimit) } catch { throw .file(error) }
    let header = try PictureDecoder.header(of: bytes)
    return Extent(header.height, header.width)
  }

  private func show(_ analysis: GeometryAnalysis) {
    // Without pictures nothing was measured.
    let columns = analysis.hasPictures ? 3 : 2
    var table = Table(
      Array([.left, .right, .right].prefix(columns)),
      header: Array(["", "paper", "measured"].prefix(columns)))
    func row(_ name: String, _ paper: Double, _ measured: Double, _ decimals: Int) {
      table.add(Array([name, Text.fixed(paper, decimals), Text.fixed(measured, decimals)].prefix(columns)))
    }
    let (paper, measured) = (analysis.paper, analysis.measured)
    row("mean share of a training crop", paper.meanShare, measured.meanShare, 4)
    row("mean sigma, its root", paper.meanSigma, measured.meanSigma, 4)
    row("size factor F", analysis.paperFactor, analysis.measuredFactor, 4)
    row(
      "r_test / r_train, \(analysis.train) -> \(analysis.test)", analysis.paperRatio, analysis.measuredRatio,
      4)
    row("correction of the test resolution", analysis.paperCorrection, analysis.measuredCorrection, 4)
    row(
      "test resolution that matches \(analysis.train)", Double(analysis.paperMatch),
      Double(analysis.measuredMatch), 0)
    row(
      "training resolution that \(analysis.test) allows", Double(analysis.paperLower),
      Double(analysis.measuredLower), 0)
    console.lines(table.lines())
    console.line()
    console.line(
      "an object of 1/10 of its distance: \(Text.fixed(analysis.trainedPixels, 1)) pixels in training, "
        + "\(Text.fixed(analysis.testedPixels, 1)) at test")
    console.line(
      analysis.hasPictures
        ? "measured: crops drawn as training draws them on the sizes of \(Text.count(analysis.pictureCount, "picture")), "
          + "those that do not fit drawn again, which the paper's formula leaves out"
        : "by the paper's formula, for pictures of any size; --images DIR measures on the sizes of your own")
    console.line(
      "recommended without adaptation: \(analysis.recommended)\(analysis.hasPictures ? ", the measured one" : ""); with fine-tuning, larger pays: try "
        + analysis.candidates.map(String.init).joined(separator: ", ") + " with `fixresc sweep`")
  }
}
