extension OnnxNode {
  func attribute(_ name: String) -> OnnxAttribute? { attributes.first { $0.name == name } }

  func integer(_ name: String, default value: Int) -> Int {
    attribute(name)?.integer.map { Int($0) } ?? value
  }

  func float(_ name: String, default value: Float) -> Float { attribute(name)?.float ?? value }

  func text(_ name: String, default value: String) -> String { attribute(name)?.text ?? value }

  /// The numbers of a list attribute; nil where the node has none of the name.
  func integers(_ name: String) -> [Int]? { attribute(name).map { $0.integers.map { Int($0) } } }
}
