extension WeightPacking {
  /// `U = G g G^T` as the products read it: `[group][component][input channel][blocks * lanes output channels]`.
  package static func winograd(
    _ weights: UnsafePointer<Float>, _ descriptor: ConvolutionDescriptor, _ scheme: WinogradScheme,
    lanes: Int,
    blocks: Int
  ) -> AlignedBlock {
    let width = blocks * lanes
    let (inputs, outputs) = (descriptor.input.channels, descriptor.output.channels)
    let rows = descriptor.input.blockCount * lanes
    let groups = (outputs + width - 1) / width
    let packed = AlignedBlock(floatCount: groups * scheme.components * rows * width)
    for group in 0..<groups {
      for first in stride(from: 0, to: width, by: 8) where group * width + first < outputs {
        let channel = group * width + first
        let count = min(8, outputs - channel)
        let target = packed.floats + group * scheme.components * rows * width + first
        for input in 0..<inputs {
          let filter = Filter8(weights + (channel * inputs + input) * 9, stride: inputs * 9, count: count)
          filter.store(scheme, target + input * width, stride: rows * width)
        }
      }
    }
    return packed
  }
}

/// A 3x3 filter of eight output channels, one channel a lane.
private struct Filter8 {
  private typealias Lanes8 = SIMD8<Float>
  private typealias Three = (Lanes8, Lanes8, Lanes8)

  private var rows: (Three, Three, Three)

  init(_ source: UnsafePointer<Float>, stride: Int, count: Int) {
    func tap(_ index: Int) -> Lanes8 {
      var lanes = Lanes8(repeating: 0)
      for lane in 0..<count { lanes[lane] = source[lane &* stride &+ index] }
      return lanes
    }
    rows = ((tap(0), tap(1), tap(2)), (tap(3), tap(4), tap(5)), (tap(6), tap(7), tap(8)))
  }

  /// Component (i, j) goes to `target + (i * side + j) * stride`.
  func store(_ scheme: WinogradScheme, _ target: UnsafeMutablePointer<Float>, stride: Int) {
    let side = scheme.inputSide
    for row in 0..<side {
      // Row `row` of G g, then its product with G^T.
      let line = (
        Self.dot(scheme, row, rows.0.0, rows.1.0, rows.2.0),
        Self.dot(scheme, row, rows.0.1, rows.1.1, rows.2.1),
        Self.dot(scheme, row, rows.0.2, rows.1.2, rows.2.2)
      )
      for column in 0..<side {
        let value = Self.dot(scheme, column, line.0, line.1, line.2)
        UnsafeMutableRawPointer(target + (row &* side &+ column) &* stride).storeBytes(
          of: value, as: Lanes8.self)
      }
    }
  }

  /// Row `row` of G times `(a, b, c)`.
  @inline(__always)
  private static func dot(
    _ scheme: WinogradScheme, _ row: Int, _ a: Lanes8, _ b: Lanes8, _ c: Lanes8
  ) -> Lanes8 {
    switch (scheme, row) {
    case (.f2, 0): a
    case (.f2, 1): (a + b + c) * 0.5
    case (.f2, 2): (a - b + c) * 0.5
    case (.f4, 0): a * 0.25
    case (.f4, 1): (a + b + c) * (-1.0 / 6)
    case (.f4, 2): (a - b + c) * (-1.0 / 6)
    case (.f4, 3): a * (1.0 / 24) + b * (1.0 / 12) + c * (1.0 / 6)
    case (.f4, 4): a * (1.0 / 24) - b * (1.0 / 12) + c * (1.0 / 6)
    default: c
    }
  }
}
