import FixresBase

extension IRError: ReportedError {
  /// The error's kind, sentence and figures.
  package var report: ErrorReport {
    switch self {
    case .file(let error): error.report
    case .illTyped(let node, let fault):
      ErrorReport("ir.type", "node `\(node)`: \(fault.sentence)", ["node": .string(node)])
    case .duplicateName(let name):
      ErrorReport(
        "ir.duplicate-name", "expected each value's name once, found %\(name) again", ["name": .string(name)])
    case .unknownValue(let name):
      ErrorReport("ir.unknown-value", "there is no value %\(name) in the graph", ["name": .string(name)])
    case .syntax(let line, let expected, let found):
      ErrorReport(
        "ir.syntax", "graph text, line \(line): expected \(expected), found \(found)", ["line": JSON(line)])
    case .tooMany(let part, let maximum):
      ErrorReport(
        "ir.too-many", "expected at most \(maximum) \(part.rawValue) in a graph, found more",
        ["part": .string(part.rawValue), "maximum": JSON(maximum)])
    case .unverified(let faults): IRError.unverified(faults)
    case .missingConstant(let name):
      ErrorReport(
        "ir.missing-constant", "expected data for the constant %\(name), found none", ["name": .string(name)])
    case .constantShape(let name, let expected, let found):
      ErrorReport(
        "ir.constant-shape", "constant %\(name): expected the shape \(expected), found \(found)",
        ["name": .string(name), "expected": JSON(expected), "found": JSON(found)])
    case .resolution(let requested, let maximum):
      ErrorReport(
        "ir.resolution", "expected a test resolution with sides from 1 to \(maximum), found \(requested)",
        ["requested": JSON([requested.height, requested.width]), "maximum": JSON(maximum)])
    case .modelFile(let section, let fault): IRError.modelFile(section, fault.report)
    }
  }

  /// The sentence of the error, in one line: what was expected, what was found and where.
  public var description: String { report.sentence }

  private static func unverified(_ faults: [Verifier.Fault]) -> ErrorReport {
    let first = faults.first?.sentence ?? "no fault is named"
    let more = faults.count > 1 ? " (and \(Text.count(faults.count - 1, "further fault"))" + ")" : ""
    return ErrorReport(
      "ir.unverified", "the graph does not verify: \(first)\(more)",
      ["faults": .array(faults.map { .string($0.sentence) })])
  }

  private static func modelFile(_ section: String, _ fault: ErrorReport) -> ErrorReport {
    ErrorReport(
      fault.kind, "model file, section \(section): \(fault.message)", ["section": .string(section)])
  }
}
