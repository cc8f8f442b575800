extension OnnxNode {
  /// The attribute called `name`; nil where the node has none.
  func attribute(_ name: String) -> OnnxAttribute? { attributes.first { $0.name == name } }

  /// The value of an integer attribute.
  func integer(_ name: String, default value: Int) -> Int {
    attribute(name)?.integer.map { Int($0) } ?? value
  }

  /// The value of a float attribute.
  func float(_ name: String, default value: Float) -> Float { attribute(name)?.float ?? value }

  /// The value of a text attribute.
  func text(_ name: String, default value: String) -> String { attribute(name)?.text ?? value }

  /// The integers of a list attribute; nil where the node has no attribute of the name.
  func integers(_ name: String) -> [Int]? { attribute(name).map { $0.integers.map { Int($0) } } }
}
