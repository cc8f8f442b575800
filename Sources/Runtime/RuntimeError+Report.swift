import FixresBase

extension RuntimeError: ReportedError {
  /// The error's kind, sentence and figures.
  package var report: ErrorReport {
    switch self {
    case .model(let error): error.report
    case .missingOutput(let name):
      ErrorReport("runtime.missing-output", "expected a graph with the output `\(name)`, found none")
    case .unsupported(let value, let operation, let reason):
      ErrorReport(
        "runtime.unsupported", "%\(value): \(operation) cannot run: \(reason)",
        ["value": .string(value), "operation": .string(operation)])
    case .inputSize(let batch, let shape, let expected, let found):
      ErrorReport(
        "runtime.input-size", "expected \(expected) floats for \(batch) x \(shape), found \(found)",
        ["batch": JSON(batch), "shape": JSON(shape), "expected": JSON(expected), "found": JSON(found)])
    case .outputSize(let name, let expected, let found):
      ErrorReport(
        "runtime.output-size", "output `\(name)`: expected room for \(expected) floats, found \(found)",
        ["name": .string(name), "expected": JSON(expected), "found": JSON(found)])
    case .planTooLarge(let needed, let available):
      ErrorReport(
        "runtime.memory",
        "the plan needs \(Text.bytes(needed)), and the machine has \(Text.bytes(available))",
        ["needed": JSON(needed), "available": JSON(available)])
    case .derivedConstantsTooLarge(let value, let needed, let limit):
      ErrorReport(
        "runtime.derived-constants",
        "%\(value): what is computed from the model's constants, or packed of them, takes "
          + "\(Text.bytes(needed)), and a model of this size and this machine may take \(Text.bytes(limit))",
        ["value": .string(value), "needed": JSON(needed), "limit": JSON(limit)])
    case .unsoundPlan(let fault): fault.report
    case .forkedDuringRun:
      ErrorReport(
        "runtime.forked",
        "expected a session that no thread was using when this process was forked, found one in use")
    case .cancelled: ErrorReport("cancelled", "the work was cancelled before it was done")
    case .packedWeights(let name, let layout):
      ErrorReport(
        "runtime.packed",
        "the packed weights of %\(name) (\(Text.shortened(layout))): expected what the constant gives, found others; "
          + "`adapt` from the original makes the file anew",
        ["name": .string(name), "layout": .string(layout)])
    case .unknownInstructionSet(let found, let known):
      ErrorReport(
        "runtime.isa", "FIXRESC_ISA: expected one of \(known.joined(separator: ", ")), found `\(found)`",
        ["found": .string(found), "known": JSON(known)])
    case .instructionSetUnavailable(let name, let missing):
      ErrorReport(
        "runtime.isa", "FIXRESC_ISA asks for \(name), and this machine lacks \(missing)",
        ["name": .string(name), "missing": .string(missing)])
    case .unknownValue(let name):
      ErrorReport("runtime.unknown-value", "there is no value %\(name) in the graph", ["name": .string(name)])
    }
  }

  /// The sentence of the error, in one line: what was expected, what was found and where.
  public var description: String { report.sentence }
}
