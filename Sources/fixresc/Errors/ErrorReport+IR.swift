import FixresBase
import FixresIR

extension ErrorReport {
  static func ir(_ error: IRError) -> ErrorReport {
    switch error {
    case .file(let error): file(error)
    case .illTyped(let node, let fault):
      ErrorReport("ir.type", "node `\(node)`: \(sentence(fault))", ["node": .string(node)])
    case .duplicateName(let name):
      ErrorReport(
        "ir.duplicate-name", "expected each value's name once, found %\(name) again", ["name": .string(name)])
    case .unknownValue(let name):
      ErrorReport("ir.unknown-value", "there is no value %\(name) in the graph", ["name": .string(name)])
    case .syntax(let line, let expected, let found):
      ErrorReport(
        "ir.syntax", "graph text, line \(line): expected \(expected), found \(found)", ["line": JSON(line)])
    case .unverified(let faults): unverified(faults)
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
    case .modelFile(let section, let fault): modelFile(section, fault)
    }
  }

  private static func unverified(_ faults: [Verifier.Fault]) -> ErrorReport {
    let first = faults.first.map(sentence) ?? "no fault is named"
    let more = faults.count > 1 ? " (and \(Text.count(faults.count - 1, "further fault"))" + ")" : ""
    return ErrorReport(
      "ir.unverified", "the graph does not verify: \(first)\(more)",
      ["faults": .array(faults.map { .string(sentence($0)) })])
  }

  private static func sentence(_ fault: Verifier.Fault) -> String {
    let reason =
      switch fault.kind {
      case .duplicateName(let name): "the name %\(name) is given twice"
      case .usedBeforeMade(let name): "%\(name) is read before it is made"
      case .typeFault(let fault): sentence(fault)
      case .wrongType(let written, let inferred): "expected the type \(inferred), found \(written)"
      case .input(let reason), .output(let reason), .constant(let reason): reason
      }
    return fault.node.isEmpty ? reason : "node `\(fault.node)`: \(reason)"
  }

  static func sentence(_ fault: TypeFault) -> String {
    switch fault {
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

  private static func modelFile(_ section: String, _ fault: ModelFileFault) -> ErrorReport {
    let (kind, reason): (String, String) =
      switch fault {
      case .notAModelFile: ("magic", "expected a fixresc model file, found another first word")
      case .truncated(let expected, let found):
        ("truncated", "expected \(expected) bytes, found \(found)")
      case .newerVersion(let found, let supported):
        (
          "version",
          "expected version \(supported) or earlier, found version \(found); a newer fixresc reads it"
        )
      case .checksum(let expected, let found):
        ("checksum", "expected the checksum \(hex(expected)), found \(hex(found)); the file is damaged")
      case .outOfRange(let offset, let count, let whole):
        (
          "range",
          "expected it inside the file of \(whole) bytes, found bytes \(offset) to \(offset &+ count)"
        )
      case .overlap(let other): ("overlap", "expected sections apart, found it overlapping \(other)")
      case .duplicate: ("duplicate", "expected it once, found it twice")
      case .missing: ("missing", "expected it, found none")
      case .misaligned(let offset):
        ("alignment", "expected it on a multiple of 64, found it at byte \(offset)")
      case .unknownRequired: ("unknown", "it must be understood, and this fixresc does not know it")
      case .byteCount(let expected, let found): ("size", "expected \(expected) bytes, found \(found)")
      case .notUTF8: ("utf8", "expected UTF-8, found bytes that are not")
      case .json(let error): ("json", ErrorReport.json(error).message)
      case .metadata(let key, let expected): ("metadata", "expected `\(key)` to be \(expected)")
      }
    return ErrorReport(
      "model-file.\(kind)", "model file, section \(section): \(reason)", ["section": .string(section)])
  }

  private static func hex(_ value: UInt32) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }
}
