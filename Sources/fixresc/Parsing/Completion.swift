import FixresBase

/// Completion scripts, written from the table of commands.
package enum Completion {
  /// The completion script of `commands` for `shell`: `bash`, `zsh` or `fish`.
  ///
  /// - Throws: `UsageError` for a missing or another shell.
  package static func script(
    for shell: String?, commands: [Command]
  ) throws(UsageError) -> String {
    let shells = ["bash", "zsh", "fish"]
    switch shell {
    case "bash": return bash(commands)
    case "zsh": return zsh(commands)
    case "fish": return fish(commands)
    default:
      let option = "--generate-completion-script"
      guard let shell else {
        throw UsageError(
          kind: .missingValue(option: option, placeholder: "bash|zsh|fish"), suggestion: nil, command: nil)
      }
      throw UsageError(
        kind: .badValue(option: option, value: shell, expected: "one of bash, zsh, fish"),
        suggestion: Suggestion.nearest(to: shell, among: shells), command: nil)
    }
  }

  private static func names(_ option: Option) -> [String] {
    [option.name] + (option.short.map { [$0] } ?? [])
  }

  private static func bash(_ commands: [Command]) -> String {
    var lines = [
      "# bash completion for fixresc", "_fixresc() {",
      "  local word=\"${COMP_WORDS[COMP_CWORD]}\" before=\"${COMP_WORDS[COMP_CWORD-1]}\"", "  COMPREPLY=()",
      "  if [ \"$COMP_CWORD\" -eq 1 ]; then",
      "    COMPREPLY=($(compgen -W \"\(commands.map(\.name).joined(separator: " ")) --help --version\" -- \"$word\"))",
      "    return", "  fi", "  case \"${COMP_WORDS[1]}\" in",
    ]
    for command in commands {
      lines += ["    \(command.name))", "      case \"$before\" in"]
      for option in command.options where option.takesValue {
        let pattern = names(option).joined(separator: "|")
        switch option.kind {
        case .choice(let words):
          lines.append(
            "        \(pattern)) COMPREPLY=($(compgen -W \"\(words.joined(separator: " "))\" -- \"$word\")); return ;;"
          )
        case .file: lines.append("        \(pattern)) COMPREPLY=($(compgen -f -- \"$word\")); return ;;")
        case .folder: lines.append("        \(pattern)) COMPREPLY=($(compgen -d -- \"$word\")); return ;;")
        default: lines.append("        \(pattern)) return ;;")
        }
      }
      let options = command.options.flatMap(names).joined(separator: " ")
      lines += [
        "      esac", "      case \"$word\" in",
        "        -*) COMPREPLY=($(compgen -W \"\(options)\" -- \"$word\")) ;;",
        "        *) COMPREPLY=($(compgen -f -- \"$word\")) ;;", "      esac ;;",
      ]
    }
    lines += ["  esac", "}", "complete -o filenames -F _fixresc fixresc"]
    return lines.joined(separator: "\n") + "\n"
  }

  private static func zsh(_ commands: [Command]) -> String {
    var lines = ["#compdef fixresc", "_fixresc() {", "  local -a commands", "  commands=("]
    lines += commands.map { "    '\($0.name):\(zshQuoted($0.summary))'" }
    lines += [
      "  )", "  if (( CURRENT == 2 )); then", "    _describe command commands", "    return", "  fi",
      "  local command=${words[2]}", "  shift words", "  (( CURRENT-- ))", "  case $command in",
    ]
    for command in commands {
      lines.append("    \(command.name))")
      var parts: [String] = []
      for option in command.options {
        for name in names(option) {
          parts.append("'\(name)[\(zshQuoted(option.summary))]\(zshAction(option))'")
        }
      }
      for argument in command.arguments {
        let action = if case .folder = argument.kind { "_files -/" } else { "_files" }
        parts.append("'\(argument.count == .oneOrMore ? "*" : ""):\(argument.name):\(action)'")
      }
      lines.append("      _arguments " + parts.joined(separator: " \\\n        ") + " ;;")
    }
    lines += ["  esac", "}", "_fixresc \"$@\""]
    return lines.joined(separator: "\n") + "\n"
  }

  private static func zshAction(_ option: Option) -> String {
    switch option.kind {
    case .flag: ""
    case .choice(let words): ":\(option.placeholder):(\(words.joined(separator: " ")))"
    case .file: ":\(zshQuoted(option.placeholder)):_files"
    case .folder: ":\(zshQuoted(option.placeholder)):_files -/"
    default: ":\(zshQuoted(option.placeholder)): "
    }
  }

  /// Free of what `_arguments` and single quotes would take as syntax.
  private static func zshQuoted(_ text: String) -> String {
    text.flatMap { character -> [Character] in
      switch character {
      case "'": Array("'\\''")
      case "[", "]", ":", "\\": ["\\", character]
      default: [character]
      }
    }.reduce(into: "") { $0.append($1) }
  }

  private static func fish(_ commands: [Command]) -> String {
    var lines = ["# fish completion for fixresc"]
    let alone = "__fish_use_subcommand"
    for command in commands {
      lines.append(
        "complete -c fixresc -f -n \(alone) -a \(command.name) -d '\(fishQuoted(command.summary))'")
    }
    for command in commands {
      let when = "'__fish_seen_subcommand_from \(command.name)'"
      lines.append("complete -c fixresc -n \(when) -F")
      for option in command.options {
        var line = "complete -c fixresc -n \(when) -l \(option.name.dropFirst(2))"
        if let short = option.short { line += " -s \(short.dropFirst())" }
        switch option.kind {
        case .flag: break
        case .choice(let words): line += " -x -a '\(words.joined(separator: " "))'"
        case .file: line += " -r -F"
        case .folder: line += " -x -a '(__fish_complete_directories)'"
        default: line += " -x"
        }
        lines.append(line + " -d '\(fishQuoted(option.summary))'")
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func fishQuoted(_ text: String) -> String {
    text.reduce(into: "") { $0 += $1 == "'" || $1 == "\\" ? "\\\($1)" : "\($1)" }
  }
}
