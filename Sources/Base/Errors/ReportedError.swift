/// An error that people and programs can read; every public error type is one.
///
/// `description` is the sentence that the command line prints, `report.sentence`.
package protocol ReportedError: Error, CustomStringConvertible {
  /// The error's kind, sentence and figures.
  var report: ErrorReport { get }
}
