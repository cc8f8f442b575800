import FixresBase

/// Names to logits, as folders are looked up: case and underscores do not count, and each of the names between commas
/// (`tench, Tinca tinca`) stands for the class where no other class has it. A whole name comes before a part of one. Names are
/// compared byte by byte: two that differ in Unicode's normal form alone are two classes, as two folders are.
package struct ClassNames: Sendable {
  private var whole: [UTF8Key: Int] = [:]
  private var parts: [UTF8Key: Int] = [:]

  /// The index of a name that several classes bear.
  private static let ambiguous = -1

  /// No names.
  package init() {}

  /// The names of classes in the order of the logits.
  package init(_ names: [String]) {
    for (index, name) in names.enumerated() { add(name, index) }
  }

  /// Lets `name`, and each of its parts between commas, stand for the class `index`.
  package mutating func add(_ name: String, _ index: Int) {
    Self.insert(name, index, into: &whole)
    for part in name.split(separator: ",") { Self.insert(String(part), index, into: &parts) }
  }

  private static func insert(_ name: String, _ index: Int, into indices: inout [UTF8Key: Int]) {
    let name = plain(name)
    guard !name.string.isEmpty else { return }
    indices[name] = indices[name].map { $0 == index ? index : ambiguous } ?? index
  }

  private func found(_ name: String) -> Int? {
    let name = Self.plain(name)
    return whole[name] ?? parts[name]
  }

  /// The class that `name` stands for; nil where it stands for none or for several.
  package func index(of name: String) -> Int? {
    found(name).flatMap { $0 == Self.ambiguous ? nil : $0 }
  }

  /// Whether `name` stands for several classes.
  package func isAmbiguous(_ name: String) -> Bool { found(name) == Self.ambiguous }

  /// Lower case, with one blank for each run of blanks and underscores: folder names rarely hold blanks.
  private static func plain(_ name: String) -> UTF8Key {
    UTF8Key(
      name.lowercased().split(whereSeparator: { $0 == "_" || $0 == " " || $0 == "\t" }).joined(separator: " ")
    )
  }
}
