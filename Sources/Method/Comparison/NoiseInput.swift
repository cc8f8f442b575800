import FixresBase
import FixresIR

/// A made-up input for measuring and comparing, the same on every machine.
package enum NoiseInput {
  /// Values of an input at most: 64 GB.
  private static let maximumCount = 1 << 34

  /// `[batch, C, H, W]` of about normally distributed numbers, as normalised pictures have them.
  ///
  /// - Throws: `MethodError.inputTooLarge`.
  package static func make(for graph: Graph, batch: Int = 1) throws(MethodError) -> [Float] {
    let shape = graph.imageInput?.type.dims ?? []
    guard let count = Int.checkedProduct(shape + [batch]), count <= maximumCount else {
      throw .inputTooLarge(batch: batch, shape: shape)
    }
    var random = SeededRandom(seed: 1)
    // The mean of four uniform numbers, scaled to a deviation of 1: close to normal, and quick to draw.
    return (0..<count).map { _ in
      let bits = random.next()
      let sum = (bits & 0xFFFF) + (bits >> 16 & 0xFFFF) + (bits >> 32 & 0xFFFF) + bits >> 48
      return (Float(sum) - 131_070) * (1 / 37_837)
    }
  }
}
