extension ReadError: ReportedError {
  /// The error's kind, sentence and figures.
  package var report: ErrorReport {
    switch self {
    case .truncated(let offset, let expected, let found):
      ErrorReport(
        "read.truncated", "expected \(expected) bytes at byte \(offset), found \(found)",
        ["offset": JSON(offset), "expected": JSON(expected), "found": JSON(found)])
    case .overflow(let offset, let what):
      ErrorReport(
        "read.overflow", "\(what) at byte \(offset) is too large",
        ["offset": JSON(offset), "what": .string(what)])
    }
  }

  /// The sentence of the error, in one line: what was expected, what was found and where.
  public var description: String { report.sentence }
}
