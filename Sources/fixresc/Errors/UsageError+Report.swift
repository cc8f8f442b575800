import FixresBase

extension UsageError: ReportedError {
  package var report: ErrorReport {
    let (name, sentence): (String, String) =
      switch kind {
      case .noCommand: ("no-command", "expected a command, found none")
      case .unknownCommand(let name): ("unknown-command", "expected a command, found `\(name)`")
      case .unknownOption(let name): ("unknown-option", "there is no option `\(name)`")
      case .missingValue(let option, let placeholder):
        ("missing-value", "`\(option)` expects a value: \(option) \(placeholder)")
      case .unwantedValue(let option, let value):
        ("unwanted-value", "`\(option)` takes no value, found `\(value)`")
      case .repeated(let option): ("repeated", "`\(option)` is given twice")
      case .badValue(let option, let value, let expected):
        ("bad-value", "`\(option)` expects \(expected), found `\(value)`")
      case .missingOption(let option, let placeholder):
        ("missing-option", "expected `\(option) \(placeholder)`, found none")
      case .missingArgument(let name): ("missing-argument", "expected \(name), found none")
      case .unexpectedArgument(let word):
        ("unexpected-argument", "expected no further argument, found `\(word)`")
      case .conflict(let sentence): ("conflict", sentence)
      case .overwrite(let output, let path, let input, let inputPath):
        (
          "overwrite",
          "\(output): expected a file of its own, found `\(path)`, which is \(input) `\(inputPath)` and would be "
            + "replaced"
        )
      }
    var report = ErrorReport("usage.\(name)", sentence)
    if let suggestion {
      report.message += "; did you mean `\(suggestion)`?"
      report.data["suggestion"] = .string(suggestion)
    }
    report.hint = "See `fixresc \(command.map { $0 + " " } ?? "")--help`."
    return report
  }

  package var description: String { report.sentence }
}
