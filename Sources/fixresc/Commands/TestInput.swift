import FixresBase
import FixresIR

/// A made-up input for measuring and comparing, the same on every machine.
enum TestInput {
  /// `[batch, C, H, W]` of normal numbers, as normalised pictures have them.
  static func noise(for graph: Graph, batch: Int = 1) throws -> [Float] {
    let shape = graph.imageInput?.type.dims ?? []
    guard let count = Int.checkedProduct(shape + [batch]), count <= 1 << 34 else {
      throw CommandError.refused(
        kind: "input.size", "expected an input that fits in memory, found \(batch) x \(shape)")
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
