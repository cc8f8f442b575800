/// Why a well-formed ONNX model is not a network of this compiler: what was expected, what was found, at which node.
package struct OnnxFault: Error, Hashable, Sendable {
  package enum Place: Hashable, Sendable {
    case graph
    /// A node, by its name or, where it has none, that of its first output; and its operator.
    case node(name: String, op: String)
    case tensor(String)
    case input(String)
  }

  package var place: Place
  package var expected: String
  package var found: String
  package var hint: String?

  init(_ place: Place, expected: String, found: String, hint: String? = nil) {
    self.place = place
    self.expected = expected
    self.found = found
    self.hint = hint
  }
}
