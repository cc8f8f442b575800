import FixresBase

extension TrainingStateFault: ReportedError {
  /// The error's kind, sentence and figures, without the path of the file.
  package var report: ErrorReport {
    var report: ErrorReport
    switch self {
    case .notAState:
      report = ErrorReport(
        "state.unknown", "expected the state of a fine-tuning, found another file")
    case .newerVersion(let found, let known):
      report = ErrorReport(
        "state.version", "expected a state of version \(known) or earlier, found version \(found)")
    case .damaged(let offset):
      report = ErrorReport(
        "state.damaged", "expected a whole state, found damage by byte \(offset)",
        ["offset": JSON(offset)])
    case .otherTraining(let setting, let state, let now):
      report = ErrorReport(
        "state.other",
        "expected a state of the same fine-tuning, found \(setting) \(state) instead of \(now)",
        ["setting": .string(setting), "found": .string(state), "expected": .string(now)])
    }
    report.hint = "Without --resume the training begins anew."
    return report
  }

  /// The sentence of the error, in one line: what was expected, what was found and where.
  public var description: String { report.sentence }
}
