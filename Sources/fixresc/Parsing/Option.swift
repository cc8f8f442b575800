/// What a command does with a file that a command line names; `OutputCheck` refuses an output that is an input.
package enum FileRole: Hashable, Sendable {
  /// Read; a folder stands for the pictures in it.
  case input
  /// Read as a model, with the files beside it that belong to it.
  case model
  /// Written; and beside it a file for each suffix, which follows the whole name.
  case output(alongside: [String] = [])
  /// Written for each test resolution K: `PREFIX-K.npy`.
  case outputPrefix
  /// A folder of files that only fixresc reads and writes.
  case cache
}

/// What an option's value must be; a value that is something else is a usage error.
package enum ValueKind: Hashable, Sendable {
  /// No value.
  case flag
  /// Any text.
  case text
  /// The path of a file.
  case file(FileRole)
  /// The path of a folder.
  case folder(FileRole)
  /// `IN:OUT`, the paths of two files that are read.
  case pair
  /// An integer in the range.
  case integer(ClosedRange<Int>)
  /// Any finite number in the range.
  case number(ClosedRange<Double>)
  /// `K` or `HxW`; which sizes are possible is for the passes to say.
  case size
  /// A number for each of 1, 3 or 4 channels, between commas.
  case channels
  /// One of the words.
  case choice([String])
}

/// One option of a command, as a row of its table.
package struct Option: Hashable, Sendable {
  /// With its dashes: `--threads`.
  package let name: String
  /// The short form with its dash: `-o`; nil without one.
  package let short: String?
  /// How help calls the value; empty for a flag.
  package let placeholder: String
  /// What the value must be.
  package let kind: ValueKind
  /// What the option does; one line of help.
  package let summary: String
  /// Whether the command refuses to run without it.
  package let isRequired: Bool
  /// Whether it may be given more than once.
  package let isRepeatable: Bool

  /// An option with a value.
  package init(
    _ name: String, short: String? = nil, _ placeholder: String, kind: ValueKind, required: Bool = false,
    repeatable: Bool = false, _ summary: String
  ) {
    self.name = name
    self.short = short
    self.placeholder = placeholder
    self.kind = kind
    self.summary = summary
    self.isRequired = required
    self.isRepeatable = repeatable
  }

  /// A flag.
  package init(_ name: String, short: String? = nil, _ summary: String) {
    self.init(name, short: short, "", kind: .flag, summary)
  }

  /// Whether a value follows.
  package var takesValue: Bool { kind != .flag }
}

/// Options that help lists under one heading.
package struct OptionGroup: Sendable {
  /// The heading.
  package let title: String
  /// The options in the order in which help lists them.
  package let options: [Option]

  /// A group of options.
  package init(_ title: String, _ options: [Option]) {
    self.title = title
    self.options = options
  }
}

/// One positional argument, or the many of a name.
package struct Argument: Hashable, Sendable {
  /// How many words the argument takes.
  package enum Count: Sendable {
    /// Exactly one.
    case one
    /// One or more.
    case oneOrMore
    /// None or one.
    case optional
  }

  /// How help calls it.
  package let name: String
  /// How many words it takes.
  package let count: Count
  /// What each word must be.
  package let kind: ValueKind
  /// What it is; one line of help.
  package let summary: String

  /// An argument of a command.
  package init(_ name: String, _ count: Count = .one, kind: ValueKind, _ summary: String) {
    self.name = name
    self.count = count
    self.kind = kind
    self.summary = summary
  }
}
