import FixresBase

/// One call of a command: what was asked for, and where to say the answer.
package struct Invocation {
  package let command: Command
  package let parsed: ParsedArguments
  package let console: Console

  package var arguments: [String] { parsed.arguments }

  private func value(_ option: Option) -> String? {
    precondition(
      command.options.contains { $0.name == option.name }, "\(command.name) does not declare \(option.name)")
    return parsed.values[option.name]
  }

  package func has(_ option: Option) -> Bool { value(option) != nil }

  package func text(_ option: Option) -> String? { value(option) }

  /// Between commas, blanks around each part dropped.
  package func list(_ option: Option) -> [String]? {
    value(option).map { text in text.split(separator: ",").map { Text.trimmed(String($0)) } }
  }

  package func integer(_ option: Option) -> Int? { value(option).flatMap(ValueKind.integer) }

  package func number(_ option: Option) -> Double? { value(option).flatMap(ValueKind.number) }

  package func size(_ option: Option) -> (height: Int, width: Int)? { value(option).flatMap(ValueKind.size) }

  package func triple(_ option: Option) -> [Double]? { value(option).flatMap(ValueKind.triple) }

  /// A usage error of this command.
  package func conflict(_ sentence: String) -> UsageError {
    UsageError(kind: .conflict(sentence), suggestion: nil, command: command.name)
  }
}
