import FixresBase

/// The command-line tool as a function: words in, an exit status out.
package enum Tool {
  /// The commands, in the order in which help lists them.
  package static let commands: [Command] = [
    .import, .adapt, .run, .eval, .sweep, .analyze, .stats, .finetune, .bench, .inspect, .compare, .doctor,
    .export, .reference,
  ]

  /// Runs one command line; returns 0 for success, 1 for a failure, 2 for a usage error.
  package static func run(_ words: [String], _ console: Console) -> Int32 {
    console.isJSON = words.prefix { $0 != "--" }.contains("--json")
    console.isQuiet = words.prefix { $0 != "--" }.contains { $0 == "--quiet" || $0 == "-q" }
    do {
      let object = try dispatch(words, console)
      try FileWitness.requireAllUnchanged()
      if console.isJSON { console.object(complete(object, console)) }
      console.clearProgress()
      try console.finish()
      return console.status
    } catch {
      // What a file looks like while another program writes it is not the file's fault.
      do { try FileWitness.requireAllUnchanged() } catch { return report(error, console) }
      return report(error, console)
    }
  }

  private static func dispatch(_ words: [String], _ console: Console) throws -> JSON.Object {
    // Output options may also precede the command.
    let general = words.prefix { ["--json", "--quiet", "-q"].contains($0) }
    guard let name = words.dropFirst(general.count).first else {
      throw UsageError(kind: .noCommand, suggestion: nil, command: nil)
    }
    let rest = Array(words.dropFirst(general.count + 1))
    switch name {
    case "--help", "-h": return show("help", Help.overview(commands, width: console.width), console)
    case "help":
      guard let topic = rest.first(where: { $0.utf8.first != UInt8(ascii: "-") }) else {
        return show("help", Help.overview(commands, width: console.width), console)
      }
      return show("help", Help.text(for: try command(topic), width: console.width), console)
    case "--version":
      var object = show("version", console.isJSON ? Version.number : "fixresc \(Version.text)\n", console)
      object["commit"] = Version.commit.map { .string($0) } ?? .null
      object["modified"] = .bool(Version.isModified)
      return object
    case "--generate-completion-script":
      return show(
        "script", try Completion.script(for: rest.first { $0 != "--json" }, commands: commands), console)
    default: break
    }
    let command = try command(name)
    let parsed = try ArgumentParser.parse(rest + general.filter { !rest.contains($0) }, for: command)
    guard !parsed.wantsHelp else {
      return show("help", Help.text(for: command, width: console.width), console)
    }
    try OutputCheck.check(command, parsed)
    return try command.run(Invocation(command: command, parsed: parsed, console: console))
  }

  private static func command(_ name: String) throws(UsageError) -> Command {
    if let command = commands.first(where: { $0.name == name }) { return command }
    if name.utf8.first == UInt8(ascii: "-") {
      let options = ["--help", "--version", "--generate-completion-script", "--json", "--quiet"]
      throw UsageError(
        kind: .unknownOption(name), suggestion: Suggestion.nearest(to: name, among: options), command: nil)
    }
    throw UsageError(
      kind: .unknownCommand(name), suggestion: Suggestion.nearest(to: name, among: commands.map(\.name)),
      command: nil)
  }

  /// Prints `text`, or returns it as the member `key` with `--json`.
  private static func show(_ key: String, _ text: String, _ console: Console) -> JSON.Object {
    var object = JSON.Object()
    object[key] = .string(text)
    if !console.isJSON { console.write(text) }
    return object
  }

  private static func complete(_ object: JSON.Object, _ console: Console) -> JSON.Object {
    var whole = JSON.Object()
    whole["schema"] = 1
    for member in object.members { whole[member.key] = member.value }
    if !console.failures.isEmpty { whole["failures"] = .array(console.failures) }
    if console.failureCount > console.failures.count { whole["failure_count"] = JSON(console.failureCount) }
    if !console.warnings.isEmpty { whole["warnings"] = JSON(console.warnings) }
    return whole
  }

  /// Prints the error on stderr and, with `--json`, on stdout; returns the exit status.
  private static func report(_ error: any Error, _ console: Console) -> Int32 {
    let report = ErrorReport(error)
    if console.isJSON {
      var whole = JSON.Object()
      whole["schema"] = 1
      whole["error"] = report.json
      console.object(whole)
    }
    console.flush()
    console.say("fixresc: error: " + report.line(limit: ErrorReport.sentenceLimit - 20))
    return report.kind.utf8.starts(with: "usage.".utf8) ? 2 : 1
  }
}
