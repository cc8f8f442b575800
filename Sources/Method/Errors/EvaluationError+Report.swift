import FixresBase
import FixresImaging

extension EvaluationError: ReportedError {
  /// The error's kind, sentence and figures.
  package var report: ErrorReport {
    switch self {
    case .otherClasses(let folders, let classes):
      var report = ErrorReport(
        "eval.classes",
        "expected class folders called like the model's labels, or \(classes) in the order of their names, found "
          + "\(folders)",
        ["folders": JSON(folders), "classes": JSON(classes)])
      report.hint =
        "--labels FILE names the model's classes; --classes FILE says which folder is which class."
      return report
    case .unknownFolders(let unknown, let ambiguous, let folders, let classes, let names):
      return EvaluationError.unknownFolders(
        unknown, ambiguous, folders: folders, classes: classes, names: names)
    case .numberedFolders(let folders, let classes):
      var report = ErrorReport(
        "eval.numbered-folders",
        "expected class folders with names that tell their classes, found \(folders) called by numbers, for "
          + "\(classes) classes: in byte-wise order, which torchvision's ImageFolder takes, 10 comes before 2",
        ["folders": JSON(folders), "classes": JSON(classes)])
      report.hint =
        "--classes numbers takes folder 10 as class 10, --classes sorted takes the folders in byte-wise order, "
        + "--classes FILE says which is which."
      return report
    case .notANumber(let folder, let classes):
      return ErrorReport(
        "eval.not-a-number",
        "--classes numbers: expected folders called 0 to \(classes - 1), found `\(Text.shortened(folder))`",
        ["folder": .string(folder), "classes": JSON(classes)])
    case .sameClass(let first, let second, let index):
      return ErrorReport(
        "eval.same-class",
        "expected one folder for each class, found `\(first)` and `\(second)` for class \(index)",
        ["folders": JSON([first, second]), "index": JSON(index)])
    case .subsetWithoutNames(let classes):
      var report = ErrorReport(
        "eval.subset",
        "--classes subset: expected folders called like some of the model's labels, found only their order",
        ["classes": JSON(classes)])
      report.hint =
        "--labels FILE names the model's classes; --classes FILE says which folder is which class."
      return report
    case .table(path: let path, let fault): return fault.report.about(path)
    case .unlabelled(let path):
      return ErrorReport(
        "eval.unlabelled", "\(path): expected pictures with classes, found pictures without",
        ["path": .string(path)])
    case .classesOfAnotherModel(let path, let expected, let found):
      return ErrorReport(
        "eval.other-model",
        "\(path): expected pictures of the model's \(expected) classes, found pictures of another model's \(found)",
        ["path": .string(path), "expected": JSON(expected), "found": JSON(found)])
    case .noLogits:
      return ErrorReport("eval.no-logits", "expected a model with a classifier, found one without")
    case .nothingDecoded(let count, let first, let error):
      return EvaluationError.nothingDecoded(count, first, error)
    }
  }

  /// The sentence of the error, in one line: what was expected, what was found and where.
  public var description: String { report.sentence }

  /// At most this many folders are named in a sentence; the JSON object has all.
  static let namedFolders = 5

  private static func nothingDecoded(_ count: Int, _ first: String, _ error: ImageError) -> ErrorReport {
    var report = error.report.about(first)
    report.kind = "eval.nothing-decoded"
    report.message = "none of \(Text.count(count, "picture")) could be decoded; the first: " + report.message
    report.data["count"] = JSON(count)
    return report
  }

  private static func unknownFolders(
    _ unknown: [String], _ ambiguous: [String], folders: Int, classes: Int, names: [String]
  ) -> ErrorReport {
    let described = unknown.prefix(namedFolders).map { folder in
      let name = "`\(Text.shortened(folder))`"
      if ambiguous.contains(folder) { return name + " (several classes)" }
      let near = Suggestion.nearest(
        to: folder.lowercased(),
        among: names.flatMap { [$0] + $0.split(separator: ",").map(String.init) }
          .map { Text.trimmed($0.lowercased()) })
      return near.map { "\(name) (did you mean `\($0)`?)" } ?? name
    }
    let more = unknown.count > namedFolders ? " and \(unknown.count - namedFolders) more" : ""
    var report = ErrorReport(
      "eval.unknown-folders",
      "expected class folders called like the model's labels, found \(described.joined(separator: ", "))\(more)",
      ["unknown": JSON(unknown), "folders": JSON(folders), "classes": JSON(classes)])
    report.hint =
      "--classes FILE says which folder is which class"
      + (folders == classes ? ", --classes sorted takes them in byte-wise order." : ".")
    return report
  }
}
