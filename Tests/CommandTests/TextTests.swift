import FixresBase
import Testing
import fixresc

@Suite struct TextTests {
  @Test func figures() {
    #expect(Text.fixed(1.005, 1) == "1.0" && Text.fixed(-0.04, 1) == "0.0" && Text.fixed(-1.26, 1) == "-1.3")
    #expect(Text.fixed(0.999, 2) == "1.00" && Text.fixed(12, 0) == "12" && Text.fixed(0.05, 3) == "0.050")
    #expect(Text.fixed(.nan, 2) == "nan" && Text.fixed(-.infinity, 2) == "-inf")
    #expect(Text.significant(3.14159) == "3.14" && Text.significant(0.000123456) == "1.23e-4")
    #expect(
      Text.significant(999.9) == "1000" && Text.significant(0) == "0" && Text.significant(-12.34) == "-12.3")
    #expect(Text.significant(.leastNonzeroMagnitude) != "" && Text.significant(.infinity) == "inf")
    #expect(Text.grouped(0) == "0" && Text.grouped(-1_234_567) == "-1,234,567" && Text.grouped(999) == "999")
    #expect(Text.bytes(999) == "999 B" && Text.bytes(102_500_000) == "103 MB")
    #expect(
      Text.scaled(4.089e9) == "4.09 G" && Text.scaled(999_999) == "1.00 M" && Text.scaled(12) == "12.0")
    #expect(Text.duration(seconds: 7.4) == "0:07" && Text.duration(seconds: 3723) == "1:02:03")
    #expect(Text.duration(seconds: .infinity) == "-:--")
    #expect(Text.count(1, "picture") == "1 picture" && Text.count(2000, "picture") == "2,000 pictures")
  }

  @Test func hostileNamesCannotMoveTheCursor() {
    #expect(Text.printable("a\u{1B}[2J\n\u{202E}b\u{9B}") == "a\\u{1b}[2J\\u{a}\\u{202e}b\\u{9b}")
    #expect(Text.printable("naïve 猫") == "naïve 猫")
    #expect(Text.shortened(String(repeating: "x", count: 10_000)).count < 130)
  }

  @Test func wrapsAtWords() {
    #expect(Text.wrapped("a bb ccc dddd", width: 6) == ["a bb", "ccc", "dddd"])
    #expect(Text.wrapped("", width: 6) == [])
  }

  @Test func tablesAlign() {
    var table = Table([.left, .right, .left], header: ["name", "n", ""])
    table.add(["x", "1,000", "last"])
    table.add(["longer", "2", ""])
    #expect(table.lines(indent: "> ") == ["> name        n", "> x       1,000  last", "> longer      2"])
  }

  @Test func barsFitTheirWidth() {
    for width in [20, 40, 80, 200] {
      for done in [0, 1, 500, 1000] {
        let bar = Progress.bar("eval", done, of: 1000, after: 10, width: width)
        #expect(bar.count < width, "\(bar)")
      }
    }
    #expect(
      Progress.bar("eval", 500, of: 1000, after: 30, width: 60)
        == "eval [#############.............] 500/1,000  50 %  ETA 0:30")
    #expect(Progress.bar("eval", 0, of: 0, after: 0, width: 60).contains("ETA -:--"))
  }
}
