import FixresBase

/// One command: all that parsing, help and completion know of it, and what it does.
package struct Command: Sendable {
  /// The command's name.
  package let name: String
  /// One line, as the list of commands shows it.
  package let summary: String
  /// A complete command line that help begins with.
  package let example: String
  /// What a reader should know beyond the summary; may be empty.
  package let details: String
  /// The positional arguments in order.
  package let arguments: [Argument]
  /// The options, as help groups them.
  package let groups: [OptionGroup]
  /// Whether the output may be the model file that is the first argument, which it then replaces.
  package let worksInPlace: Bool
  /// Does the work, prints for people, and returns the members of its `--json` object.
  package let run: @Sendable (Invocation) throws -> JSON.Object

  /// A command; the options that every command has are added to `groups`.
  package init(
    _ name: String, _ summary: String, example: String, details: String = "", arguments: [Argument] = [],
    groups: [OptionGroup] = [], worksInPlace: Bool = false,
    run: @escaping @Sendable (Invocation) throws -> JSON.Object
  ) {
    self.name = name
    self.summary = summary
    self.example = example
    self.details = details
    self.arguments = arguments
    self.groups = groups + [Command.general]
    self.worksInPlace = worksInPlace
    self.run = run
  }

  /// All options of all groups.
  package var options: [Option] { groups.flatMap(\.options) }

  /// The options that every command has.
  static let general = OptionGroup(
    "Output",
    [
      Option("--json", "print one JSON object on stdout, also for a failure"),
      Option("--quiet", short: "-q", "no progress bar and no notes"),
      Option("--help", short: "-h", "show this help"),
    ])
}
