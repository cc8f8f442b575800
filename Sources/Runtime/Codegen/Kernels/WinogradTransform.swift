/// The minimal-filtering schemes F(m x m, 3 x 3) of Winograd, as in Lavin and Gray (2015), points 0, ±1, ±2, ∞.
package enum WinogradScheme: Int, Sendable {
  case f2 = 2
  case f4 = 4

  /// Output pixels of a tile's side (m).
  package var outputSide: Int { rawValue }
  /// Input pixels of a tile's side (m + 2).
  package var inputSide: Int { rawValue + 2 }
  /// Products of a tile: 16 or 36.
  package var components: Int { inputSide * inputSide }

  /// G of `U = G g G^T`, `[m + 2][3]`.
  package var filterMatrix: [[Double]] {
    switch self {
    case .f2: [[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]]
    case .f4:
      [
        [1.0 / 4, 0, 0], [-1.0 / 6, -1.0 / 6, -1.0 / 6], [-1.0 / 6, 1.0 / 6, -1.0 / 6],
        [1.0 / 24, 1.0 / 12, 1.0 / 6], [1.0 / 24, -1.0 / 12, 1.0 / 6], [0, 0, 1],
      ]
    }
  }
}

/// One emitted function: transforms a row of input tiles of one channel block, `V = B^T d B`.
///
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
/// residual and ReLU.
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

/// What both transforms read from their only argument.
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
