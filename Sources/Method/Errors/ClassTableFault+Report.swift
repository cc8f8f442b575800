import FixresBase

extension ClassTableFault: ReportedError {
  /// The error's kind, sentence and figures, without the path of the file.
  package var report: ErrorReport {
    let kind = "eval.classes-file"
    switch self {
    case .notText:
      return ErrorReport(kind, "expected JSON or lines of text, found other bytes")
    case .otherJSON:
      return ErrorReport(
        kind,
        "expected {\"index\": \"name\"}, {\"name\": index} or [\"name\", ...], found other JSON")
    case .noPairs(let entries, let classes):
      return ErrorReport(
        kind,
        "expected a folder and its class on each line, or the names of all \(classes) classes, found "
          + "\(Text.count(entries, "entry", "entries"))",
        ["entries": JSON(entries), "classes": JSON(classes)])
    case .missing(let folders):
      let named = folders.prefix(EvaluationError.namedFolders).map { "`\(Text.shortened($0))`" }.joined(
        separator: ", ")
      let more =
        folders.count > EvaluationError.namedFolders
        ? " and \(folders.count - EvaluationError.namedFolders) more" : ""
      return ErrorReport(
        kind, "expected a class for each folder, found none for \(named)\(more)",
        ["unknown": JSON(folders)])
    case .ambiguous(let folder, let first, let second):
      return ErrorReport(
        kind,
        "expected lines that can be read in one way, found class \(first) or \(second) for "
          + "`\(Text.shortened(folder))`")
    }
  }

  /// The sentence of the error, in one line: what was expected, what was found and where.
  public var description: String { report.sentence }
}
