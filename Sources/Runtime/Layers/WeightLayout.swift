import FixresIR

/// The arrangement of a layer's packed weights: with the shape of the weights it decides every element.
package struct WeightLayout: Hashable, Sendable {
  /// What a model's file calls it, such as `direct 16x4, inputs by 16, groups 1`.
  package var name: String
  /// Elements, zeros that fill blocks and groups included.
  package var count: Int
  package var format: ElementFormat

  package init(name: String, count: Int, format: ElementFormat) {
    (self.name, self.count, self.format) = (name, count, format)
  }

  /// That of weights in a model's file, which are float32.
  package init(of stored: PackedConstant) {
    self.init(name: stored.layout, count: stored.elements.elementCount, format: .f32)
  }

  package var byteCount: Int { format.byteCount(of: count) }
}
