import FixresBase

/// A command line that the tool does not accept.
package struct UsageError: Error, Hashable, Sendable {
  /// What is wrong with the command line.
  package enum Kind: Hashable, Sendable {
    /// There is no command.
    case noCommand
    /// There is no command of that name.
    case unknownCommand(String)
    /// The command has no such option.
    case unknownOption(String)
    /// The option's value is missing.
    case missingValue(option: String, placeholder: String)
    /// A flag is given a value.
    case unwantedValue(option: String, value: String)
    /// The option is given twice.
    case repeated(option: String)
    /// The value is not of the option's kind.
    case badValue(option: String, value: String, expected: String)
    /// A required option is missing.
    case missingOption(String, placeholder: String)
    /// A required argument is missing.
    case missingArgument(String)
    /// There are more arguments than the command takes.
    case unexpectedArgument(String)
    /// Options that exclude or need each other; the sentence says which.
    case conflict(String)
    /// The output `output` would replace `input`, each with its path; `input` may be another output.
    case overwrite(output: String, path: String, input: String, inputPath: String)
  }

  /// What is wrong.
  package let kind: Kind
  /// The nearest valid spelling, where there is a near one.
  package let suggestion: String?
  /// The command whose help explains more.
  package let command: String?
}

/// What a command line says: the arguments in order, and each option's value.
package struct ParsedArguments: Hashable, Sendable {
  /// The positional arguments in order.
  package var arguments: [String] = []
  /// Option name to value; a flag's is empty, and of a repeatable option it is the last one.
  package var values: [String: String] = [:]
  /// Option name to all its values in order, of the options that may be repeated.
  package var repeated: [String: [String]] = [:]
  /// Whether `--help` or `-h` is among the words.
  package var wantsHelp = false
}

/// Parses a command line by the table of a command's options.
package struct ArgumentParser {
  private let command: Command
  private var parsed = ParsedArguments()

  /// Reads `words`, all that follows the command's name.
  ///
  /// - Throws: `UsageError` for the first word that does not fit.
  package static func parse(_ words: [String], for command: Command) throws(UsageError) -> ParsedArguments {
    var parser = ArgumentParser(command: command)
    // Help wins over any mistake on the same line.
    if words.prefix(while: { $0 != "--" }).contains(where: { $0 == "--help" || $0 == "-h" }) {
      parser.parsed.wantsHelp = true
      return parser.parsed
    }
    try parser.read(words)
    try parser.checkCompleteness()
    return parser.parsed
  }

  private init(command: Command) { self.command = command }

  private func fail(_ kind: UsageError.Kind, suggestion: String? = nil) -> UsageError {
    UsageError(kind: kind, suggestion: suggestion, command: command.name)
  }

  private mutating func read(_ words: [String]) throws(UsageError) {
    var index = 0
    while index < words.count {
      let word = words[index]
      index += 1
      if word == "--" {
        parsed.arguments += words[index...]
        return
      }
      guard word.utf8.first == UInt8(ascii: "-"), word != "-" else {
        parsed.arguments.append(word)
        continue
      }
      let (name, attached) = ArgumentParser.split(word)
      guard let option = command.options.first(where: { $0.name == name || $0.short == name }) else {
        let near = Suggestion.option(nearest: name, among: command.options.map(\.name))
        throw fail(.unknownOption(name), suggestion: near)
      }
      guard parsed.values[option.name] == nil || option.isRepeatable else {
        throw fail(.repeated(option: option.name))
      }
      guard option.takesValue else {
        if let attached { throw fail(.unwantedValue(option: option.name, value: attached)) }
        parsed.values[option.name] = ""
        continue
      }
      if let attached {
        parsed.values[option.name] = attached
      } else {
        guard index < words.count, !isOption(words[index]) else {
          throw fail(.missingValue(option: option.name, placeholder: option.placeholder))
        }
        parsed.values[option.name] = words[index]
        index += 1
      }
      try check(option)
      if option.isRepeatable, let value = parsed.values[option.name] {
        parsed.repeated[option.name, default: []].append(value)
      }
    }
  }

  /// `--name=value` and `-ovalue` apart from their values.
  private static func split(_ word: String) -> (name: String, value: String?) {
    if word.utf8.starts(with: "--".utf8) {
      guard let equals = word.utf8.firstIndex(of: UInt8(ascii: "=")) else { return (word, nil) }
      return (String(word[..<equals]), String(word[word.utf8.index(after: equals)...]))
    }
    let scalars = word.unicodeScalars
    guard scalars.count > 2 else { return (word, nil) }
    let value = scalars.dropFirst(2)
    return (String(scalars.prefix(2)), String(value.first == "=" ? value.dropFirst() : value))
  }

  /// True where `word` is one of this command's options, so that it is not taken for a value.
  private func isOption(_ word: String) -> Bool {
    let name = ArgumentParser.split(word).name
    return command.options.contains { $0.name == name || $0.short == word }
  }

  private func check(_ option: Option) throws(UsageError) {
    guard let value = parsed.values[option.name] else { return }
    if let expected = option.kind.complaint(about: value) {
      var suggestion: String?
      if case .choice(let words) = option.kind { suggestion = Suggestion.nearest(to: value, among: words) }
      throw fail(.badValue(option: option.name, value: value, expected: expected), suggestion: suggestion)
    }
  }

  private func checkCompleteness() throws(UsageError) {
    let given = parsed.arguments
    for (index, argument) in command.arguments.enumerated()
    where index >= given.count && argument.count != .optional {
      throw fail(.missingArgument(argument.name))
    }
    if given.count > command.arguments.count, command.arguments.last?.count != .oneOrMore {
      throw fail(.unexpectedArgument(given[command.arguments.count]))
    }
    for option in command.options where option.isRequired && parsed.values[option.name] == nil {
      throw fail(.missingOption(option.short ?? option.name, placeholder: option.placeholder))
    }
  }
}
