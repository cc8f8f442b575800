import FixresBase

/// Where test data lies, found from this file's own place.
package enum TestData {
  /// The root of the checkout.
  package static let root: String = {
    var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    parts.removeLast(3)
    return parts.joined(separator: "/")
  }()

  /// `Tests/Fixtures/<name>`.
  package static func fixture(_ name: String) -> String { root + "/Tests/Fixtures/" + name }

  /// `Tests/Golden/<name>`.
  package static func golden(_ name: String) -> String { root + "/Tests/Golden/" + name }

  /// `../shared/<name>` beside the checkout, or nil where a checkout has none.
  package static func shared(_ name: String) -> String? {
    var parts = root.split(separator: "/", omittingEmptySubsequences: false)
    parts.removeLast()
    let path = parts.joined(separator: "/") + "/shared/" + name
    return (try? MappedFile.open(path)) == nil ? nil : path
  }
}
