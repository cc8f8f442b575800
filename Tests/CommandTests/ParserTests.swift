import FixresBase
import Testing
import fixresc

@Suite struct ParserTests {
  private static let command = Command(
    "paint", "paint a thing", example: "fixresc paint x",
    arguments: [Argument("THING", .one, kind: .text, "what")],
    groups: [
      OptionGroup(
        "Options",
        [
          Option("--colour", "NAME", kind: .choice(["red", "green"]), "which"),
          Option("--times", "N", kind: .integer(1...9), "how often"),
          Option("--share", "X", kind: .number(0...1), "how much"),
          Option("--to", "K|HxW", kind: .size, "how large"),
          Option("--mean", "R,G,B", kind: .channels, "of what"),
          Option("--output", short: "-o", "FILE", kind: .file(.output()), "where"),
          Option("--deep", "deeply"),
        ])
    ], run: { _ in JSON.Object() })

  private func parse(_ words: String...) throws(UsageError) -> ParsedArguments {
    try ArgumentParser.parse(words, for: Self.command)
  }

  private func kind(_ words: String...) -> UsageError.Kind? {
    do throws(UsageError) {
      _ = try ArgumentParser.parse(words, for: Self.command)
      return nil
    } catch {
      return error.kind
    }
  }

  @Test func readsEveryWayToGiveAValue() throws {
    let parsed = try parse("x", "--colour", "red", "--times=3", "-o", "a b", "--deep")
    #expect(parsed.arguments == ["x"])
    #expect(parsed.values == ["--colour": "red", "--times": "3", "--output": "a b", "--deep": ""])
    #expect(try parse("x", "-ofile").values["--output"] == "file")
    #expect(try parse("x", "-o=file").values["--output"] == "file")
    #expect(try parse("x", "--output=a=b").values["--output"] == "a=b")
    #expect(try parse("--", "--deep").arguments == ["--deep"])
    #expect(try parse("-").arguments == ["-"])
    #expect(try parse("x", "-o", "-").values["--output"] == "-")
  }

  @Test func helpWinsOverMistakes() throws {
    #expect(try parse("--nonsense", "--help").wantsHelp)
    #expect(try parse("-h").wantsHelp)
    #expect(!(try parse("--", "-h").wantsHelp))
  }

  @Test func refusesWhatDoesNotFit() {
    #expect(kind() == .missingArgument("THING"))
    #expect(kind("x", "y") == .unexpectedArgument("y"))
    #expect(kind("x", "--depe") == .unknownOption("--depe"))
    #expect(kind("x", "--deep=1") == .unwantedValue(option: "--deep", value: "1"))
    #expect(kind("x", "--deep", "--deep") == .repeated(option: "--deep"))
    #expect(kind("x", "--times") == .missingValue(option: "--times", placeholder: "N"))
    #expect(kind("x", "--times", "--deep") == .missingValue(option: "--times", placeholder: "N"))
    for value in ["0", "10", "x", "", "1.5", " 1", "99999999999999999999"] {
      #expect(
        kind("x", "--times=\(value)")
          == .badValue(option: "--times", value: value, expected: "a whole number from 1 to 9"))
    }
    for value in ["1.1", "-0.1", "nan", "inf", "0x1", "1e400", "x"] {
      #expect(
        kind("x", "--share=\(value)")
          == .badValue(option: "--share", value: value, expected: "a number from 0 to 1"))
    }
    for value in ["x", "3x", "x3", "3x4x5", "3.5", ""] {
      guard case .badValue(option: "--to", value: value, _) = kind("x", "--to=\(value)") else {
        Issue.record("--to=\(value) was taken")
        continue
      }
    }
    for value in ["1,2", "1,2,x", "1,2,3,4,5", ",,", "1,2,,3"] {
      #expect(kind("x", "--mean=\(value)") != nil, "\(value)")
    }
    for value in ["0.5,1,-2e-1", "0.5", "1,2,3,4"] { #expect(kind("x", "--mean=\(value)") == nil) }
    #expect(kind("x", "--to=0") == nil, "which sizes are possible is for the passes to say")
    #expect(kind("x", "--to=99999999999999999999") == nil)
  }

  @Test func proposesTheNearestSpelling() {
    func suggestion(_ words: String...) -> String? {
      do throws(UsageError) {
        _ = try ArgumentParser.parse(words, for: Self.command)
        return nil
      } catch {
        return error.suggestion
      }
    }
    #expect(suggestion("x", "--coluor", "red") == "--colour")
    #expect(suggestion("x", "--tmies=3") == "--times")
    #expect(suggestion("x", "--sha", "1") == "--share")
    #expect(suggestion("x", "--colour", "rad") == "red")
    #expect(suggestion("x", "--entirely-else") == nil)
  }
}

@Suite struct SuggestionTests {
  @Test func countsEdits() {
    let words = ["adapt", "inspect", "eval", "import"]
    #expect(Suggestion.nearest(to: "adpat", among: words) == "adapt")
    #expect(Suggestion.nearest(to: "inspct", among: words) == "inspect")
    #expect(Suggestion.nearest(to: "evla", among: words) == "eval")
    let options = ["--crop-share", "--filter"]
    #expect(Suggestion.option(nearest: "--crop-pct", among: options) == "--crop-share")
    #expect(Suggestion.option(nearest: "--interpolation", among: options) == "--filter")
    #expect(Suggestion.option(nearest: "--interpolation", among: words) == nil)
    #expect(Suggestion.nearest(to: "imp", among: words) == "import")
    #expect(Suggestion.nearest(to: "frobnicate", among: words) == nil)
    #expect(Suggestion.nearest(to: "", among: words) == nil)
    #expect(Suggestion.nearest(to: String(repeating: "a", count: 100_000), among: words) == nil)
  }
}
