/// The tool's version, and the commit that it was built from.
package enum Version {
  /// The version that this source becomes or is.
  package static let number = "0.1.0"

  /// The commit, where git put it in place: `git archive` does so in what it writes (`.gitattributes`), from which releases
  /// are built; a checkout has the placeholder.
  private static let archived = "$Format:%H$"

  /// The first twelve digits of the commit that a release was built from; nil for a development build.
  package static let commit = commit(in: archived)

  /// `0.1.0 (1a2b3c4d5e6f)`, or `0.1.0 (development)`.
  package static let text = "\(number) (\(commit ?? "development"))"

  /// The first twelve digits of `hash`; nil where it is none.
  package static func commit(in hash: String) -> String? {
    let digits = hash.utf8.prefix(12)
    guard digits.count == 12, digits.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
    else { return nil }
    return String(hash.prefix(12))
  }
}
