import FixresBase
import fixresc

/// One call of the tool with all it said.
struct Call {
  let status: Int32
  let output: String
  let error: String

  init(_ words: String...) { self.init(words) }

  init(_ words: [String]) {
    let console = Console(output: .memory, error: .memory)
    status = Tool.run(words, console)
    output = String(decoding: console.outputBytes, as: UTF8.self)
    error = String(decoding: console.errorBytes, as: UTF8.self)
  }

  /// What breaks the promise that all stderr lines are short and fit for a terminal, and that an error is one of them;
  /// empty where nothing does.
  var faultsOfError: [String] {
    var faults: [String] = []
    let lines = error.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
    for line in lines where line.utf8.count >= Console.errorLineLimit {
      faults.append("\(line.utf8.count) bytes")
    }
    for scalar in error.unicodeScalars where scalar != "\n" {
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned:
        faults.append("U+" + String(scalar.value, radix: 16))
      default: break
      }
    }
    let errors = lines.count { $0.hasPrefix("fixresc: error: ") }
    if status != 0, errors > 1 { faults.append("\(errors) errors") }
    return faults
  }

  /// The one JSON object of stdout; null where it holds anything else.
  var json: JSON {
    guard output.hasSuffix("\n"), output.utf8.count(where: { $0 == UInt8(ascii: "\n") }) == 1 else {
      return .null
    }
    return (try? JSON.parse(Bytes(Array(output.utf8)))) ?? .null
  }
}
