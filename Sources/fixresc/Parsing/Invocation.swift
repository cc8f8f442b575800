import FixresBase

/// One call of a command: its arguments and options, and the console to print on.
package struct Invocation {
  /// The command.
  package let command: Command
  /// Arguments and option values.
  package let parsed: ParsedArguments
  /// Where to print.
  package let console: Console

  /// The positional arguments in order.
  package var arguments: [String] { parsed.arguments }

  private func value(_ option: Option) -> String? {
    precondition(
      command.options.contains { $0.name == option.name }, "\(command.name) does not declare \(option.name)")
    return parsed.values[option.name]
  }

  /// Whether the command has `option`.
  package func declares(_ option: Option) -> Bool { command.options.contains { $0.name == option.name } }

  /// Whether `option` is given.
  package func has(_ option: Option) -> Bool { value(option) != nil }

  /// The value of `option`; nil where it is not given.
  package func text(_ option: Option) -> String? { value(option) }

  /// The values of `option`, which may be repeated, in order.
  package func texts(_ option: Option) -> [String] {
    value(option) == nil ? [] : parsed.repeated[option.name] ?? []
  }

  /// Between commas, blanks around each part dropped.
  package func list(_ option: Option) -> [String]? {
    value(option).map { text in text.split(separator: ",").map { Text.trimmed(String($0)) } }
  }

  /// The value of `option` as an integer; nil where it is not given.
  package func integer(_ option: Option) -> Int? { value(option).flatMap(ValueKind.integer) }

  /// The value of `option` as a number; nil where it is not given.
  package func number(_ option: Option) -> Double? { value(option).flatMap(ValueKind.number) }

  /// The value of `option` as a size in pixels; nil where it is not given.
  package func size(_ option: Option) -> (height: Int, width: Int)? { value(option).flatMap(ValueKind.size) }

  /// The value of `option` as a number for each channel; nil where it is not given.
  package func channels(_ option: Option) -> [Double]? { value(option).flatMap(ValueKind.channels) }

  /// A usage error of this command.
  package func conflict(_ sentence: String) -> UsageError {
    UsageError(kind: .conflict(sentence), suggestion: nil, command: command.name)
  }
}
