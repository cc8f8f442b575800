/// What an option's value must be; a value that is something else is a usage error.
package enum ValueKind: Hashable, Sendable {
  case flag
  case text
  case file
  case folder
  case integer(ClosedRange<Int>)
  /// Any finite number in the range.
  case number(ClosedRange<Double>)
  /// `K` or `HxW`; which sizes are possible is for the passes to say.
  case size
  /// Three numbers between commas.
  case triple
  case choice([String])
}

/// One option of a command, as a row of its table.
package struct Option: Hashable, Sendable {
  /// With its dashes: `--threads`.
  package let name: String
  package let short: String?
  /// How help calls the value; empty for a flag.
  package let placeholder: String
  package let kind: ValueKind
  package let summary: String
  package let isRequired: Bool

  /// An option with a value.
  package init(
    _ name: String, short: String? = nil, _ placeholder: String, _ kind: ValueKind, required: Bool = false,
    _ summary: String
  ) {
    self.name = name
    self.short = short
    self.placeholder = placeholder
    self.kind = kind
    self.summary = summary
    self.isRequired = required
  }

  /// A flag.
  package init(_ name: String, short: String? = nil, _ summary: String) {
    self.init(name, short: short, "", .flag, summary)
  }

  package var takesValue: Bool { kind != .flag }
}

/// Options that help lists under one heading.
package struct OptionGroup: Sendable {
  package let title: String
  package let options: [Option]

  package init(_ title: String, _ options: [Option]) {
    self.title = title
    self.options = options
  }
}

/// One positional argument, or the many of a name.
package struct Argument: Hashable, Sendable {
  package enum Count: Sendable { case one, oneOrMore, optional }

  package let name: String
  package let count: Count
  package let kind: ValueKind
  package let summary: String

  package init(_ name: String, _ count: Count = .one, _ kind: ValueKind = .file, _ summary: String) {
    self.name = name
    self.count = count
    self.kind = kind
    self.summary = summary
  }
}
