import FixresBase
import FixresRuntime

extension ErrorReport {
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
