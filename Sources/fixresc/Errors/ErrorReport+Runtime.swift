import FixresBase
import FixresRuntime

extension ErrorReport {
  /// A fault of fixresc itself, caught before a wrong result.
  private static func plan(_ fault: PlanFault) -> ErrorReport {
    let what =
      switch fault.kind {
      case .bufferOutsideArena: "a buffer lies outside the arena"
      case .outsideBuffer: "code reaches outside its memory"
      case .outsideMap: "pixels outside the map are read"
      case .layout: "a map is read in another layout than it was written in"
      case .valueLost: "a value is read after its memory was written again"
      case .writesWhatItReads: "a step overwrites what it reads"
      case .operands: "steps and nodes do not agree"
      }
    return ErrorReport(
      "runtime.unsound-plan",
      "the plan for this graph is refused, a fault of fixresc: \(what) (%\(fault.memory) at byte \(fault.offset), "
        + "layer %\(fault.layer) by \(fault.kernel.isEmpty ? "no kernel" : fault.kernel))",
      [
        "fault": .string(fault.kind.rawValue), "layer": .string(fault.layer), "kernel": .string(fault.kernel),
        "memory": .string(fault.memory), "offset": JSON(fault.offset), "byte_count": JSON(fault.byteCount),
        "overwritten_by": fault.overwrittenBy.map { .string($0) } ?? .null,
      ])
  }

  static func runtime(_ error: RuntimeError) -> ErrorReport {
    switch error {
    case .model(let error): ir(error)
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
    case .unsoundPlan(let fault): plan(fault)
    case .forkedDuringRun:
      ErrorReport(
        "runtime.forked",
        "expected a session that no thread was using when this process was forked, found one in use")
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
}
