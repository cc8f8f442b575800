import FixresBase

/// Help for people; each begins with an example.
package enum Help {
  /// The text of `fixresc --help`, which lists `commands`.
  package static func overview(_ commands: [Command], width: Int) -> String {
    var lines = [
      "Example:",
      "  fixresc adapt resnet50.pth --to 384 -o resnet50-384.bin",
      "  fixresc run resnet50-384.bin photo.jpg",
      "",
      "fixresc compiles trained ResNets for the resolution they are used at.",
      "",
      "Usage: fixresc <command> [options]",
      "",
      "Commands:",
    ]
    lines += columns(commands.map { ($0.name, $0.summary) }, width: width)
    lines += ["", "Options:"]
    lines += columns(
      [
        ("--help, -h", "show this help; `fixresc <command> --help` tells about one command"),
        ("--version", "print the version"),
        ("--generate-completion-script SHELL", "print a completion script for bash, zsh or fish"),
      ], width: width)
    return lines.joined(separator: "\n") + "\n"
  }

  /// The text of `fixresc <command> --help`.
  package static func text(for command: Command, width: Int) -> String {
    var lines = ["Example:"]
    lines += command.example.split(separator: "\n").map { "  " + $0 }
    lines +=
      [""]
      + Text.wrapped(command.summary.prefix(1).uppercased() + command.summary.dropFirst() + ".", width: width)
    if !command.details.isEmpty { lines += [""] + Text.wrapped(command.details, width: width) }
    lines += ["", "Usage: " + usage(of: command)]
    if !command.arguments.isEmpty {
      lines += ["", "Arguments:"]
      lines += columns(command.arguments.map { ($0.name, $0.summary) }, width: width)
    }
    for group in command.groups where !group.options.isEmpty {
      lines += ["", group.title + ":"]
      lines += columns(group.options.map { (label($0), $0.summary) }, width: width)
    }
    return lines.joined(separator: "\n") + "\n"
  }

  static func usage(of command: Command) -> String {
    var words = ["fixresc", command.name]
    words += command.arguments.map { argument in
      switch argument.count {
      case .one: argument.name
      case .oneOrMore: argument.name + "..."
      case .optional: "[\(argument.name)]"
      }
    }
    words += command.options.filter(\.isRequired).map { "\($0.short ?? $0.name) \($0.placeholder)" }
    return words.joined(separator: " ") + " [options]"
  }

  private static func label(_ option: Option) -> String {
    let names = [option.short, option.name].compactMap(\.self).joined(separator: ", ")
    return option.takesValue ? names + " " + option.placeholder : names
  }

  /// Names on the left, what they mean on the right, wrapped.
  private static func columns(_ rows: [(String, String)], width: Int) -> [String] {
    let limit = 28
    let left = rows.map(\.0.count).filter { $0 <= limit }.max() ?? 0
    let margin = String(repeating: " ", count: left + 4)
    var lines: [String] = []
    for (name, summary) in rows {
      var meaning = Text.wrapped(summary, width: max(24, width - margin.count))
      if name.count > left {
        lines.append("  " + name)
      } else {
        let padding = String(repeating: " ", count: left - name.count + 2)
        lines.append("  " + name + padding + (meaning.isEmpty ? "" : meaning.removeFirst()))
      }
      lines += meaning.map { margin + $0 }
    }
    return lines
  }
}
