import FixresBase
import TestSupport
import Testing
import fixresc

@Suite struct ToolTests {
  @Test func helpMatchesItsGoldens() {
    var text = Call("--help").output
    #expect(Golden.difference(text, from: "help/fixresc.txt") == nil)
    for command in Tool.commands {
      text = Call(command.name, "--help").output
      if let difference = Golden.difference(text, from: "help/\(command.name).txt") {
        Issue.record("\(difference)")
      }
      #expect(text.hasPrefix("Example:\n  fixresc \(command.name)"))
      #expect(text == Call("help", command.name).output)
    }
  }

  @Test func everyOptionIsNamedOnceAndExplained() {
    for command in Tool.commands {
      let names = command.options.flatMap { [$0.name] + ($0.short.map { [$0] } ?? []) }
      #expect(Set(names).count == names.count, "\(command.name)")
      for option in command.options {
        #expect(option.name.hasPrefix("--") && !option.summary.isEmpty)
        #expect(option.takesValue == !option.placeholder.isEmpty, "\(command.name) \(option.name)")
      }
    }
    #expect(Set(Tool.commands.map(\.name)).count == Tool.commands.count)
  }

  @Test func usageErrorsExitWith2AndOneLine() {
    for words in [
      [], ["frobnicate"], ["--vresion"], ["inspect"], ["inspect", "a", "b"], ["inspect", "a", "--ri"],
    ] {
      let call = Call(words)
      #expect(call.status == 2, "\(words)")
      #expect(call.output == "", "\(words)")
      #expect(
        call.error.hasPrefix("fixresc: error: ") && call.error.split(separator: "\n").count == 1, "\(words)")
    }
    #expect(Call("inpsect").error.contains("did you mean `inspect`?"))
    #expect(Call("--vresion").error.contains("did you mean `--version`?"))
    #expect(Call("adapt", "m", "-o", "x", "--verfiy").error.contains("did you mean `--verify`?"))
  }

  @Test func failuresAreOneJSONObject() {
    for words in [
      ["--json"], ["frobnicate", "--json"], ["inspect", "--json"], ["inspect", "/none", "--json"],
    ] {
      let call = Call(words)
      #expect(call.status != 0)
      #expect(call.json["schema"] == 1, "\(words)")
      #expect(call.json["error"]?["kind"]?.stringValue?.isEmpty == false, "\(words)")
      #expect(call.json["error"]?["message"]?.stringValue?.isEmpty == false, "\(words)")
    }
    let missing = Call("inspect", "/none/model.bin", "--json").json["error"]
    #expect(missing?["kind"] == "file.not-found" && missing?["path"] == "/none/model.bin")
  }

  @Test func versionAndHelpAlsoAsJSON() {
    #expect(Call("--version").output == "fixresc \(Version.text)\n")
    #expect(Call("--version", "--json").json["version"] == .string(Version.number))
    let commit = "1a2b3c4d5e6f77889900aabbccddeeff00112233"
    #expect(Version.text(commit: commit, isModified: false) == "\(Version.number) (1a2b3c4d5e6f)")
    #expect(Version.text(commit: commit, isModified: true) == "\(Version.number) (1a2b3c4d5e6f, modified)")
    #expect(Version.text(commit: nil, isModified: false) == "\(Version.number) (no commit)")
    #expect(Call("--help", "--json").json["help"]?.stringValue?.hasPrefix("Example:") == true)
    #expect(Call("--json", "inspect", "--help").json["help"]?.stringValue?.hasPrefix("Example:") == true)
  }

  @Test(arguments: ["bash", "zsh", "fish"])
  func completionNamesEveryCommandAndOption(_ shell: String) {
    let script = Call("--generate-completion-script", shell).output
    for command in Tool.commands {
      #expect(script.contains(command.name))
      for option in command.options {
        #expect(script.contains(shell == "fish" ? "-l \(option.name.dropFirst(2))" : option.name))
      }
    }
    #expect(Call("--generate-completion-script", "pwsh").status == 2)
    #expect(Call("--generate-completion-script").status == 2)
  }

  @Test func wrongFilesFailWithStatus1() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/model.bin"
    for bytes: [UInt8] in [[], [1], Array("<html><body>404".utf8), Array("FIXRESC\0".utf8)] {
      try AtomicFileWriter.write(bytes, to: path)
      let call = Call("inspect", path)
      #expect(call.status == 1 && call.output == "")
      #expect(call.error.hasPrefix("fixresc: error: ") && call.error.contains(path))
    }
    #expect(Call("inspect", folder.path).status == 1)
    #expect(Call("inspect", "/dev/zero").status == 1)
  }
}
