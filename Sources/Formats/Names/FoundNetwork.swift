/// The one network of a file: which of its tensors are the network's, and what torchvision calls them.
package struct FoundNetwork: Sendable {
  /// torchvision's name by index of the entry: parameters, and everything that nothing explains, which then is
  /// an error by its own name.
  var canonical: [Int: String] = [:]
  /// Indices of the entries that are recognised as no part of the network, or left out by the caller.
  var ignored: [Int] = []
  /// The components that all parameters' names begin with.
  var prefix: [Substring] = []
  /// The translation of names without `prefix`.
  var names: NameMap
  /// Choices that were made, a sentence each.
  var notes: [String] = []

  /// The name of `path` without `prefix`, where it has it.
  func shortened(_ path: String) -> String {
    let text = prefix.joined(separator: ".") + "."
    guard !prefix.isEmpty, path.utf8.starts(with: text.utf8) else { return path }
    return String(path.utf8.dropFirst(text.utf8.count)) ?? path
  }
}
