import FixresIR
import FixresPasses
import TestSupport
import Testing

/// Every file of `Tests/Golden/passes`: a network, a pass and what comes of it. A new case is a new file with its
/// head and `before` part, then `FIXRESC_BLESS=1`.
@Suite struct PassGoldenTests {
  struct Case {
    let head: String
    let before: String
    let pass: String
    let expect: String
    let target: Extent?

    init(_ text: String) throws {
      let parts = text.split(separator: "--- before\n", maxSplits: 1, omittingEmptySubsequences: false)
      let body = try #require(parts.count == 2 ? parts[1] : nil, "no --- before")
      let sections = body.split(separator: "--- after\n", maxSplits: 1, omittingEmptySubsequences: false)
      try #require(sections.count == 2, "no --- after")
      (head, before) = (String(parts[0]), String(sections[0]))
      var fields: [Substring: Substring] = [:]
      for line in head.split(separator: "\n") {
        let pair = line.split(separator: ":", maxSplits: 1)
        if pair.count == 2 { fields[pair[0]] = pair[1].drop { $0 == " " } }
      }
      pass = String(try #require(fields["pass"]))
      expect = String(try #require(fields["expect"]))
      let sides = (fields["to"] ?? "").split(separator: "x").compactMap { Int($0) }
      target = sides.isEmpty ? nil : Extent(sides[0], sides[sides.count - 1])
    }
  }

  @Test(arguments: Golden.names(in: "passes")) func golden(_ name: String) throws {
    let text = try #require(Golden.text("passes/" + name))
    let golden = try Case(text)
    let graph = try GraphParser.parse(golden.before)
    try Verifier.check(graph)
    #expect(GraphPrinter.text(of: graph) == golden.before, "the network is written as the printer would")
    let model = try Model.random(graph, seed: 1)
    let pipeline = try Pipeline([golden.pass], to: golden.target)
    var options = PassOptions()
    options.verifyEach = true
    var driver = PassDriver(options)
    var after: String
    do {
      let result = try driver.run(pipeline.passes, on: model)
      let rewrites = driver.reports[0].rewrites
      #expect((rewrites > 0) == (golden.expect == "fires"))
      if golden.expect == "stays" { #expect(result == model) }
      after = GraphPrinter.text(of: result.graph) + "rewrites: \(rewrites)\n"
      for note in driver.notes { after += "note: \(note)\n" }
    } catch {
      #expect(golden.expect == "refuses", "\(error)")
      after = "error: \(error)\n"
    }
    let whole = golden.head + "--- before\n" + golden.before + "--- after\n" + after
    #expect(Golden.difference(whole, from: "passes/" + name) == nil)
  }

  @Test(arguments: Pipeline.defaultNames) func everyPassHasAGoldenThatFiresAndOneThatDoesNot(_ pass: String)
    throws
  {
    let names = Golden.names(in: "passes").filter { $0.hasPrefix(pass + ".") }
    #expect(names.contains { $0.hasPrefix(pass + ".fires") })
    #expect(names.contains { $0.hasPrefix(pass + ".stays") })
    for name in names {
      let golden = try Case(try #require(Golden.text("passes/" + name)))
      #expect(golden.pass == pass)
      #expect(name.hasPrefix("\(pass).\(golden.expect)"))
    }
  }
}
