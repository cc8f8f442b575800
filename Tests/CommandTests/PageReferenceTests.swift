import TestSupport
import Testing

/// Files, links and declarations that the pages under Documentation name exist.
///
/// A page may invent files, as a guide to adding one does: it lists them in a line `<!-- invented: PATH PATH -->`.
@Suite struct PageReferenceTests {
  static let pages =
    ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"]
    + SourceTree.files(under: "Documentation", suffix: ".md")

  @Test(arguments: pages) func everyPathExists(_ page: String) throws {
    let text = try #require(SourceTree.text(page), "there is no page \(page)")
    let invented = Set(
      text.split(separator: "\n").filter { $0.hasPrefix("<!-- invented: ") }.flatMap {
        $0.split(separator: " ")
      })
    for path in Self.codeSpans(text) where Self.isPath(path) && !invented.contains(path[...]) {
      #expect(SourceTree.exists(path), "\(page) names \(path), which does not exist")
    }
  }

  @Test(arguments: pages) func everyLinkLeadsSomewhere(_ page: String) throws {
    let text = try #require(SourceTree.text(page), "there is no page \(page)")
    let folder = page.split(separator: "/").dropLast()
    for target in Self.links(text) where !target.contains("://") && !target.hasPrefix("#") {
      var parts = Array(folder)
      for part in target.split(separator: "#")[0].split(separator: "/") {
        if part == ".." {
          _ = parts.popLast()
        } else if part != "." {
          parts.append(part)
        }
      }
      let path = parts.joined(separator: "/")
      #expect(SourceTree.exists(path), "\(page) links to \(target), which does not exist")
    }
  }

  /// "In which file does X live?": the declarations of a row are in its file.
  @Test func theIndexNamesTheRightFiles() throws {
    let rows = try Self.rows(of: "Documentation/README.md").filter { $0.count == 3 }
    #expect(rows.count > 20)
    for row in rows {
      let files = Self.codeSpans(row[1]).filter { $0.hasSuffix(".swift") }
      guard !files.isEmpty else { continue }
      let text = files.compactMap(SourceTree.text).joined()
      for name in Self.codeSpans(row[2]) {
        let last = name.split(separator: ".").last.map(String.init) ?? name
        #expect(text.contains(last), "Documentation/README.md: \(name) is not in \(files)")
      }
    }
  }

  /// Types and members that the glossary says carry a word are declared.
  @Test func theGlossaryNamesDeclarations() throws {
    let sources = SourceTree.files(under: "Sources", suffix: ".swift").compactMap(SourceTree.text)
    var declared: Set<Substring> = []
    let keywords: Set<Substring> = [
      "struct", "class", "enum", "protocol", "typealias", "actor", "let", "var", "func", "case",
    ]
    for source in sources {
      let words = source.split { !($0.isLetter || $0.isNumber || $0 == "_") }
      for (keyword, name) in zip(words, words.dropFirst()) where keywords.contains(keyword) {
        declared.insert(name)
      }
      // `var rows, columns: Int` and `case a, b` declare more than one name.
      for line in source.split(separator: "\n") where line.contains(" var ") || line.contains(" let ") {
        guard let list = line.split(separator: ":").first, list.contains(",") else { continue }
        declared.formUnion(list.split { !($0.isLetter || $0.isNumber) })
      }
    }
    var count = 0
    for row in try Self.rows(of: "Documentation/Glossary.md") {
      for name in Self.codeSpans(row[2]) where name.first?.isUppercase == true && !Self.isPath(name) {
        guard name.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "." }), name != "PACK", name != "TUNE"
        else {
          continue
        }
        count += 1
        for part in name.split(separator: ".") {
          #expect(declared.contains(part), "Documentation/Glossary.md: \(name) is not declared")
        }
      }
    }
    #expect(count > 60)
  }

  // MARK: - Markdown

  private static let roots = ["Sources/", "Tests/", "Benchmarks/", "Examples/", "Models/", "Documentation/"]

  private static func isPath(_ text: String) -> Bool {
    roots.contains { text.hasPrefix($0) }
      && text.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"):
          true
        default: "_+-./".utf8.contains(byte)
        }
      }
  }

  /// What stands between single backquotes, outside fenced blocks.
  private static func codeSpans(_ text: String) -> [String] {
    var spans: [String] = []
    var isFenced = false
    for line in text.split(separator: "\n") {
      if line.hasPrefix("```") { isFenced.toggle() }
      guard !isFenced else { continue }
      let parts = line.split(separator: "`", omittingEmptySubsequences: false)
      spans += parts.enumerated().filter { $0.offset % 2 == 1 }.map { String($0.element) }
    }
    return spans
  }

  /// Targets of `[text](target)`.
  private static func links(_ text: String) -> [String] {
    text.split(separator: "](").dropFirst().compactMap { part in
      part.split(separator: ")", maxSplits: 1, omittingEmptySubsequences: false).first.map(String.init)
    }
  }

  /// The cells of the rows of a page's tables.
  private static func rows(of page: String) throws -> [[String]] {
    let text = try #require(SourceTree.text(page), "there is no page \(page)")
    return text.split(separator: "\n").filter { $0.hasPrefix("| ") }.map { line in
      line.split(separator: "|").map(String.init)
    }
  }
}
