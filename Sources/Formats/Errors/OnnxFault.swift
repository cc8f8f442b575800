/// Why a well-formed ONNX model gives no supported network: where, what was expected and what was found.
package struct OnnxFault: Error, Hashable, Sendable {
  /// The part of the model.
  package enum Place: Hashable, Sendable {
    /// The graph as a whole.
    case graph
    /// A node, by its name (where it has none, the name of its first output) and its operator.
    case node(name: String, op: String)
    /// An initializer.
    case tensor(String)
    /// A graph input.
    case input(String)
  }

  /// The part of the model.
  package var place: Place
  /// What the importer supports, as the object of "expected ...".
  package var expected: String
  /// What is there, as the object of "found ...".
  package var found: String
  /// What the user can do about it; nil where nothing is known.
  package var hint: String?

  /// A fault at `place`.
  package init(_ place: Place, expected: String, found: String, hint: String? = nil) {
    self.place = place
    self.expected = expected
    self.found = found
    self.hint = hint
  }
}
