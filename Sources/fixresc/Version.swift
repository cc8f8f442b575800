/// The tool's version, and the commit that it was built from.
package enum Version {
  /// The version that this source becomes or is.
  package static let number = "0.1.0"

  /// The commit that this was built from; nil where the sources were neither a checkout nor an archive of one.
  package static var commit: String? { Revision.commit }

  /// Whether the sources of a checkout were not those of its commit.
  package static var isModified: Bool { Revision.isModified }

  /// `0.1.0 (1a2b3c4d5e6f)`, `0.1.0 (1a2b3c4d5e6f, modified)`, or `0.1.0 (no commit)`.
  package static var text: String { text(commit: commit, isModified: isModified) }

  /// The version with the first twelve digits of `commit`.
  package static func text(commit: String?, isModified: Bool) -> String {
    guard let commit else { return "\(number) (no commit)" }
    return "\(number) (\(commit.prefix(12))\(isModified ? ", modified" : ""))"
  }
}
