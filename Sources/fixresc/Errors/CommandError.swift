import FixresBase

/// What the commands themselves refuse.
package enum CommandError: ReportedError {
  /// `underlying` happened while reading or writing `path`.
  case about(path: String, underlying: any Error)
  /// A choice of the caller that does not fit the model or the data; one sentence.
  case refused(kind: String, String)
  /// A report that is complete.
  case reported(ErrorReport)

  package var report: ErrorReport {
    switch self {
    case .about(let path, let underlying): ErrorReport(underlying).about(path)
    case .refused(let kind, let sentence): ErrorReport(kind, sentence)
    case .reported(let report): report
    }
  }

  package var description: String { report.sentence }
}

/// Calls `body`, naming `path` in whatever it throws.
func naming<R>(_ path: String, _ body: () throws -> R) throws -> R {
  do { return try body() } catch { throw CommandError.about(path: path, underlying: error) }
}
