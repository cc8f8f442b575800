import FixresAssembler

/// The minimal-filtering schemes F(m x m, 3 x 3) of Winograd, as in Lavin and Gray (2015).
///
/// F(2x2) evaluates at 0, ±1, ∞; F(4x4) at 0, ±5/8, ±3/2, ∞. With the usual ±1, ±2 its error is 2.2 times as great
/// (random maps of 128 channels after ReLU, simulated); squares and cubes of these points are exact in float32.
/// At stride 2 the even taps of a row are a filter of 2 taps over the even pixels, the odd tap one over the odd
/// pixels: F(2, 2) at 0, 1, ∞ and two plain products, 25 products where 36 are the definition's.
package enum WinogradScheme: String, BitwiseCopyable, Sendable {
  case f2 = "winograd2"
  case f4 = "winograd4"
  case polyphase2 = "polyphase2"

  /// The points of F(4x4) beside 0 and ∞, each with both signs.
  package static let near: Float = 0.625
  package static let far: Float = 1.5
  /// The products of F(4x4) exceed their sum, and what they round stays: parts of 32 err 1.7 times less than parts of
  /// 128. The polyphase products are no greater than their sum.
  package var needsShortSums: Bool { self != .polyphase2 }

  /// Output pixels of a tile's side (m).
  package var outputSide: Int { self == .f4 ? 4 : 2 }
  /// Stride of the convolution, down and across.
  package var stride: Int { self == .polyphase2 ? 2 : 1 }
  /// Input pixels from a tile to the next.
  package var inputStep: Int { outputSide * stride }
  /// Input pixels of a tile's side, and its products in one dimension.
  package var inputSide: Int { (outputSide - 1) * stride + 3 }
  /// Products of a tile: 16, 36 or 25.
  package var components: Int { inputSide * inputSide }
  /// Different rows of G: the last two products of the polyphase scheme have the same weight.
  package var weightSide: Int { self == .polyphase2 ? 4 : inputSide }
  /// Transformed filters: 16, 36 or 16.
  package var weightComponents: Int { weightSide * weightSide }

  /// Which transformed filter product (i, j) = `component` multiplies by.
  package func weightComponent(_ component: Int) -> Int {
    let (i, j) = (component / inputSide, component % inputSide)
    return min(i, weightSide - 1) * weightSide + min(j, weightSide - 1)
  }
}

/// One emitted function: transforms a row of input tiles of one channel block, `V = B^T d B`.
///
///     for tile in row:                                 moves by `inputStep` pixels; neighbours overlap
///       for x in 0..<side:  t[..][x] = B^T d[..][x]    a column in `side` registers, to the stack frame
///       for y in 0..<side:  V[y][..] = t[y][..] B      a row in `side` registers, to the components
///
///       source (6x6 of F(4x4))     frame             components, far apart
///       d00 d01 ... d05            t00 ... t05       V[y][x] at (y * side + x) * component + tile * tile stride
///       ...            -- B^T ->   ...       -- B ->
///       d50 d51 ... d55            t50 ... t55
///
/// Every element is a vector: the lanes are the channels of a block.
/// Pixels at or beyond `validRows` and `lastValidColumns` (of the row's last tile) count as zeros and are not read.
package struct WinogradInputKernel: Hashable, Sendable {
  package var isa: VectorISA
  package var scheme: WinogradScheme
  package var tiles: Int
  package var validRows: Int
  package var lastValidColumns: Int
  /// Bytes between rows of the source.
  package var sourceRow: Int
  /// Bytes between components and between tiles of the result.
  package var component: Int
  package var tile: Int

  package init(
    isa: VectorISA, scheme: WinogradScheme, tiles: Int, validRows: Int, lastValidColumns: Int, sourceRow: Int,
    component: Int, tile: Int
  ) {
    (self.isa, self.scheme, self.tiles) = (isa, scheme, tiles)
    (self.validRows, self.lastValidColumns) = (validRows, lastValidColumns)
    (self.sourceRow, self.component, self.tile) = (sourceRow, component, tile)
  }
}

/// One emitted function: transforms a row of products of one channel block to output, `Y = A^T M A`, with bias,
/// residual and ReLU as the epilogue.
///
///     for tile in row:
///       for x in 0..<side:       t[..][x] = A^T M[..][x]      `side` products to `outputSide` values in the frame
///       for y in 0..<validRows:  output[y][..] = relu(t[y][..] A + bias + residual[y][..])
package struct WinogradOutputKernel: Hashable, Sendable {
  package var isa: VectorISA
  package var scheme: WinogradScheme
  package var tiles: Int
  /// Rows of output that exist, and columns of the last tile.
  package var validRows: Int
  package var lastValidColumns: Int
  package var component: Int
  package var tile: Int
  /// Bytes between rows of the output.
  package var outputRow: Int
  package var residualRow: Int?
  package var hasReLU: Bool

  package init(
    isa: VectorISA, scheme: WinogradScheme, tiles: Int, validRows: Int, lastValidColumns: Int, component: Int,
    tile: Int, outputRow: Int, residualRow: Int?, hasReLU: Bool
  ) {
    (self.isa, self.scheme, self.tiles) = (isa, scheme, tiles)
    (self.validRows, self.lastValidColumns) = (validRows, lastValidColumns)
    (self.component, self.tile, self.outputRow) = (component, tile, outputRow)
    (self.residualRow, self.hasReLU) = (residualRow, hasReLU)
  }
}

/// What both transforms read from their only argument, in this order.
package struct WinogradArguments: BitwiseCopyable {
  package var source: UnsafeRawPointer
  package var output: UnsafeMutableRawPointer
  package var bias: UnsafeRawPointer
  package var residual: UnsafeRawPointer

  package init(
    source: UnsafeRawPointer, output: UnsafeMutableRawPointer, bias: UnsafeRawPointer,
    residual: UnsafeRawPointer
  ) {
    (self.source, self.output, self.bias, self.residual) = (source, output, bias, residual)
  }
}
