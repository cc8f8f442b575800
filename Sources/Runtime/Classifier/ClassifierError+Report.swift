import FixresBase
import FixresImaging

extension ClassifierError: ReportedError {
  /// The error's kind, sentence and figures.
  package var report: ErrorReport {
    switch self {
    case .runtime(let error): error.report
    case .image(let error): error.report
    case .notFinite:
      ErrorReport("method.not-finite", "expected finite numbers from the network, found NaN or infinity")
    case .cancelled: ErrorReport("classifier.cancelled", "the task was cancelled before the network ran")
    }
  }

  /// The sentence of the error, in one line: what was expected, what was found and where.
  public var description: String { report.sentence }
}
