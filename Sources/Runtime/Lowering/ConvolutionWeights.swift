import FixresIR

/// A layer's parameters as the model holds them, valid during the call that takes them.
package struct ConvolutionWeights {
  /// `[O, I/groups, kh, kw]`
  package var weights: UnsafePointer<Float>
  /// `[O]`
  package var bias: UnsafePointer<Float>?
  /// The name of the weights, where they are a constant of the model.
  package var constant: String?
  /// What the model's file holds of the weights, packed.
  package var stored: [PackedConstant] = []

  package init(weights: UnsafePointer<Float>, bias: UnsafePointer<Float>?) {
    (self.weights, self.bias) = (weights, bias)
  }

  /// The weights arranged as `layout`: taken from the model's file where that holds them, else made by `pack`, which
  /// finds zeros. `layout`, `count` and the weights' own shape decide every element.
  package func packed<E: Error>(
    _ layout: String, count: Int, _ pool: BlockPool, _ pack: (UnsafeMutablePointer<Float>) throws(E) -> Void
  ) throws(E) -> PackedWeights {
    if let stored = stored.first(where: { $0.layout == layout && $0.elements.elementCount == count }) {
      return PackedWeights(stored)
    }
    let block = pool.block(floatCount: count)
    try pack(block.floats)
    return PackedWeights(block, layout, of: constant)
  }
}
