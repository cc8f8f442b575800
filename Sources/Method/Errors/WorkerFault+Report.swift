import FixresBase

extension WorkerFault: ReportedError {
  /// The error's kind, sentence and figures.
  package var report: ErrorReport {
    switch self {
    case .notComputed:
      ErrorReport(
        "workers.failed", "expected workers to compute the pictures' results, found that they failed")
    case .task(let path, let expected):
      ErrorReport(
        "workers.task", "\(path): expected \(expected) of a task for workers, found something else",
        ["path": .string(path)])
    case .kernels(let expected, let found):
      ErrorReport.kernels(expected, found)
    case .record(let offset):
      ErrorReport(
        "workers.record", "results of workers, byte \(offset): expected a sound record, found a damaged one",
        ["offset": JSON(offset)])
    case .missing(let sample, let count):
      ErrorReport(
        "workers.missing",
        "results of workers: expected those of \(Text.count(count, "sample")), found none of sample \(sample)",
        ["sample": JSON(sample), "samples": JSON(count)])
    case .twice(let sample):
      ErrorReport(
        "workers.twice",
        "results of workers: expected one record of sample \(sample), found two that differ; are the machines' "
          + "processors of different kinds?", ["sample": JSON(sample)])
    case .file(let error): error.report
    }
  }

  /// The sentence of the error, in one line: what was expected, what was found and where.
  public var description: String { report.sentence }
}

extension ErrorReport {
  /// The report of kernels that differ.
  fileprivate static func kernels(_ expected: String, _ found: String) -> ErrorReport {
    var report = ErrorReport(
      "workers.kernels",
      "expected the kernels \(Text.shortened(expected)) that the task's writer runs, found \(Text.shortened(found)) "
        + "on the worker, whose results have other bits",
      ["expected": .string(expected), "found": .string(found)])
    report.hint = "FIXRESC_ISA=avx2, or portable, for all machines makes them the same."
    return report
  }
}
