import FixresBase
import TestSupport
import Testing

/// SECURITY.md states the limits that the code has.
@Suite struct SecurityPageTests {
  private static func text(_ path: String) throws -> String {
    String(decoding: try MappedFile.open(TestData.root + "/" + path).array, as: UTF8.self)
  }

  /// The value of `let NAME = A`, `A << B` or `NAME: Type = A` in `source`; nil where there is none.
  private static func value(of name: String, in source: String) -> Int? {
    for line in source.split(separator: "\n") {
      let words = line.split { !($0.isLetter || $0.isNumber || $0 == "_" || $0 == "<" || $0 == "=") }
      guard let place = words.firstIndex(of: name[...]), let equals = words[place...].firstIndex(of: "=")
      else {
        continue
      }
      let numbers = words[(equals + 1)...].prefix(3)
      guard let first = numbers.first.flatMap({ Int($0.filter { $0 != "_" }) }) else { continue }
      guard numbers.dropFirst().first == "<<" else { return first }
      return numbers.last.flatMap { Int($0) }.map { first << $0 }
    }
    return nil
  }

  @Test func limitsAreThoseOfTheCode() throws {
    var rows = 0
    for line in try Self.text("SECURITY.md").split(separator: "\n") where line.contains("` in `Sources/") {
      let cells = line.split(separator: "|").map { $0.split(separator: " ") }
      let marks = line.split(separator: "`")
      let limit = try #require(Int(cells[1][0]), "\(line)")
      let found = Self.value(
        of: String(marks[marks.count - 4]), in: try Self.text(String(marks[marks.count - 2])))
      #expect(found == limit, "\(line)")
      rows += 1
    }
    #expect(rows == 25)
    #expect(Self.value(of: "a", in: "  static let a: Int = 1 << 20") == 1 << 20)
    #expect(Self.value(of: "a", in: "  let (a, b) = 3") == 3)
    #expect(Self.value(of: "a", in: "  public init(a: Int = 89_478) { self.a = a }") == 89_478)
  }
}
