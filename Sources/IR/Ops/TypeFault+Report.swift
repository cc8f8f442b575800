import FixresBase

extension TypeFault: ReportedError {
  /// What does not fit, as a part of a sentence.
  package var sentence: String {
    switch self {
    case .operandCount(let expected, let found): "expected \(Text.count(expected, "operand")), found \(found)"
    case .operandShape(let operand, let expected, let found):
      "expected \(operand.rawValue) of type \(expected), found \(found)"
    case .kernelLargerThanInput(let kernel, let padded):
      "expected a kernel that fits the padded input of \(padded.height)x\(padded.width), "
        + "found \(kernel.height)x\(kernel.width)"
    case .channels(let expected, let found): "expected \(Text.count(expected, "channel")), found \(found)"
    case .mismatch(let a, let b): "expected operands of one type, found \(a) and \(b)"
    case .attribute(let name, let found): "found \(name) = \(found), which does not fit"
    case .emptyResult(let type): "the result \(type) has no elements"
    case .tooLarge(let type): "the result \(type) is too large"
    }
  }

  /// The error's kind, sentence and figures.
  package var report: ErrorReport { ErrorReport("ir.type", sentence) }

  /// The sentence of the error, in one line: what was expected, what was found and where.
  public var description: String { report.sentence }
}
