import FixresBase
import FixresFormats

/// Why a file gives no model: a checkpoint, an ONNX model or a file beside them.
public struct CheckpointError: Error, Hashable, Sendable {
  /// The fault itself.
  package let fault: FormatError

  /// The error of `fault`.
  package init(_ fault: FormatError) { self.fault = fault }

  /// What kind of fault it is, such as `checkpoint.malformed` or `file.not-found`; names stay as they are.
  public var kind: String { report.kind }
}

extension CheckpointError: ReportedError {
  /// The error's kind, sentence and figures.
  package var report: ErrorReport { fault.report }

  /// The sentence of the error, in one line: what was expected, what was found and where.
  public var description: String { report.sentence }
}
