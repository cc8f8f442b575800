import FixresBase

extension Verifier.Fault: ReportedError {
  /// What is wrong and where, as a part of a sentence.
  package var sentence: String {
    let reason =
      switch kind {
      case .duplicateName(let name): "the name %\(name) is given twice"
      case .usedBeforeMade(let name): "%\(name) is read before it is made"
      case .typeFault(let fault): fault.sentence
      case .wrongType(let written, let inferred): "expected the type \(inferred), found \(written)"
      case .input(let reason), .output(let reason), .constant(let reason): reason
      }
    return node.isEmpty ? reason : "node `\(node)`: \(reason)"
  }

  /// The error's kind, sentence and figures.
  package var report: ErrorReport { ErrorReport("ir.unverified", sentence) }

  /// The sentence of the error, in one line: what was expected, what was found and where.
  public var description: String { report.sentence }
}
