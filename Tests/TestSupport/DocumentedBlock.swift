import FixresBase

/// Fenced blocks of the pages under Documentation that show what the code really gives.
///
/// Such a block follows a line `<!-- test: NAME -->`. `FIXRESC_BLESS=1` writes it anew, as it does goldens.
package enum DocumentedBlock {
  /// nil where `text` equals the block `name` of `page` (a path below Documentation), else what is different.
  package static func difference(_ text: String, from name: String, in page: String) -> String? {
    let path = TestData.root + "/Documentation/" + page
    guard let bytes = try? MappedFile.open(path) else { return "there is no page Documentation/\(page)" }
    let lines = String(decoding: bytes.array, as: UTF8.self).split(
      separator: "\n", omittingEmptySubsequences: false)
    guard let block = range(of: name, in: lines) else {
      return "\(page) has no fenced block behind <!-- test: \(name) -->"
    }
    var found = text.split(separator: "\n", omittingEmptySubsequences: false)
    if found.last == "" { found.removeLast() }
    if Golden.isBlessing {
      let blessed = (lines[..<block.lowerBound] + found + lines[block.upperBound...]).joined(separator: "\n")
      do { try AtomicFileWriter.write(Array(blessed.utf8), to: path) } catch { return "\(error)" }
      return nil
    }
    let expected = Array(lines[block])
    guard expected != found else { return nil }
    let index = zip(expected, found).prefix { $0 == $1 }.count
    let (a, b) = (
      index < expected.count ? expected[index] : "(end)", index < found.count ? found[index] : "(end)"
    )
    return "\(page), block \(name), line \(index + 1): the page has `\(a)`, the code gives `\(b)`"
  }

  /// The lines between the fences of the block behind the marker.
  private static func range(of name: String, in lines: [Substring]) -> Range<Int>? {
    guard let marker = lines.firstIndex(of: "<!-- test: \(name) -->"), marker + 1 < lines.count,
      lines[marker + 1].hasPrefix("```"),
      let end = lines[(marker + 2)...].firstIndex(of: "```")
    else { return nil }
    return marker + 2..<end
  }
}
