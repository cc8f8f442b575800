import FixresAssembler
import FixresBase

/// The bytes that an emitted function touches, from each pointer of its argument on; prefetches, which never fault, are
/// left out.
package struct KernelReach: Hashable, Sendable {
  package var source = ByteSpan.none
  package var output = ByteSpan.none
  package var weights = ByteSpan.none
  /// Biases, or the divisors of means.
  package var bias = ByteSpan.none
  package var residual = ByteSpan.none
  /// Index vectors of permutations.
  package var indices = ByteSpan.none

  package init() {}

  /// All that either of two functions touches.
  package func union(_ other: KernelReach) -> KernelReach {
    var reach = self
    reach.source = source.union(other.source)
    reach.output = output.union(other.output)
    reach.weights = weights.union(other.weights)
    reach.bias = bias.union(other.bias)
    reach.residual = residual.union(other.residual)
    reach.indices = indices.union(other.indices)
    return reach
  }
}

extension AnyKernel {
  /// What the function touches, from the numbers that it is emitted from; a pool's `rows` are its windows' at most. Nil
  /// for the transpose, all of whose numbers come with a call.
  package func reach(rows: Int = 1) -> KernelReach? {
    switch self {
    case .strip(let kernel): kernel.reach
    case .winogradInput(let kernel): kernel.reach
    case .winogradOutput(let kernel): kernel.reach
    case .narrowGroup(let kernel): kernel.reach
    case .pool(let kernel): kernel.reach(rows: rows)
    case .globalPool(let kernel): kernel.reach
    case .transpose: nil
    }
  }
}

extension StripKernel {
  /// What the function touches.
  package var reach: KernelReach {
    var reach = KernelReach()
    let vector = ByteSpan(0, isa.byteCount)
    func pixels(_ steps: PixelSteps) -> ByteSpan {
      vector.repeated(blocks, every: steps.block).repeated(columns, every: steps.column)
        .repeated(rows, every: steps.row)
    }
    reach.source = sourceReach
    reach.output = pixels(output)
    if let residual { reach.residual = pixels(residual) }
    if start == .bias { reach.bias = ByteSpan(0, blocks * isa.byteCount) }
    reach.weights = ByteSpan(0, blocks * isa.byteCount)
      .repeated(weightRows, every: weightBlocks * isa.byteCount)
    return reach
  }

  private var sourceReach: ByteSpan {
    // A weight row's value is broadcast from one lane's bytes.
    var tap = ByteSpan(0, ElementFormat.Accumulator.byteCount).repeated(bodyRows, every: sourceRowByteCount)
    for loop in loops { tap = tap.repeated(loop.count, every: loop.sourceStep) }
    var span = ByteSpan.none
    for row in 0..<rows {
      let first = max(0, taps.sourceRows.lowerBound - row * taps.strideHeight)
      let last = min(taps.height, taps.sourceRows.upperBound - row * taps.strideHeight)
      guard first < last else { continue }
      span = span.union(
        sourceColumns(of: tap).repeated(last - first, every: taps.rowStep)
          .shifted(by: first * taps.rowStep + row * source.row))
    }
    return span
  }

  /// `tap` at every live tap of a row of pixels.
  private func sourceColumns(of tap: ByteSpan) -> ByteSpan {
    guard source.column == taps.strideWidth * taps.columnStep else {
      // Pixels that are no neighbours on a map, such as the images of a batch.
      return tap.repeated(taps.width, every: taps.columnStep).repeated(columns, every: source.column)
    }
    let first = max(0, taps.sourceColumns.lowerBound)
    let last = min((columns - 1) * taps.strideWidth + taps.width, taps.sourceColumns.upperBound)
    return tap.repeated(last - first, every: taps.columnStep).shifted(by: first * taps.columnStep)
  }
}

extension NarrowGroupKernel {
  /// What the function touches.
  package var reach: KernelReach {
    var reach = KernelReach()
    let vector = ByteSpan(0, isa.byteCount)
    let columns = segments.reduce(0) { $0 + $1.columns * $1.count }
    reach.output = vector.repeated(columns, every: isa.byteCount)
    if hasResidual { reach.residual = reach.output }
    reach.bias = vector
    reach.indices = vector.repeated(Self.indexCount(channelsPerGroup: channelsPerGroup), every: isa.byteCount)
    reach.source = vector.repeated((columns - 1) * stride + kernelWidth, every: isa.byteCount)
      .repeated(kernelRows.count, every: sourceRow).shifted(by: kernelRows.lowerBound * sourceRow)
    let weightRow = channelsPerGroup * kernelWidth * isa.byteCount
    reach.weights = ByteSpan(0, weightRow).repeated(kernelRows.count, every: weightRow)
      .shifted(by: kernelRows.lowerBound * weightRow)
    return reach
  }
}

extension PoolKernel {
  /// What the function touches where its windows have `rows` rows.
  package func reach(rows: Int) -> KernelReach {
    var reach = KernelReach()
    let vector = ByteSpan(0, isa.byteCount)
    let (first, last) = (window(0).lowerBound, window(outputWidth - 1).upperBound)
    reach.source = vector.repeated(last - first, every: isa.byteCount).shifted(by: first * isa.byteCount)
      .repeated(rows, every: sourceRow)
    reach.output = vector.repeated(outputWidth, every: isa.byteCount)
    if !isMaximum { reach.bias = ByteSpan(0, outputWidth * ElementFormat.Accumulator.byteCount) }
    return reach
  }
}

extension GlobalPoolKernel {
  /// What the function touches.
  package var reach: KernelReach {
    var reach = KernelReach()
    let vector = ByteSpan(0, isa.byteCount)
    reach.source = vector.repeated(width, every: isa.byteCount).repeated(height, every: sourceRow)
      .repeated(blocks, every: sourceBlock)
    reach.output = vector.repeated(blocks, every: outputBlock)
    if !isMaximum { reach.bias = ByteSpan(0, ElementFormat.Accumulator.byteCount) }
    return reach
  }
}

extension WinogradInputKernel {
  /// What the function touches, its stack frame left out.
  package var reach: KernelReach {
    var reach = KernelReach()
    let (vector, side) = (ByteSpan(0, isa.byteCount), scheme.inputSide)
    reach.source = vector.repeated(
      WinogradTile.columns(tiles, every: scheme.inputStep, side, lastValidColumns), every: isa.byteCount
    )
    .repeated(validRows, every: sourceRow)
    reach.output = vector.repeated(side * side, every: component).repeated(tiles, every: tile)
    return reach
  }
}

extension WinogradOutputKernel {
  /// What the function touches, its stack frame left out.
  package var reach: KernelReach {
    var reach = KernelReach()
    let (vector, side) = (ByteSpan(0, isa.byteCount), scheme.inputSide)
    let columns = vector.repeated(
      WinogradTile.columns(tiles, every: scheme.outputSide, scheme.outputSide, lastValidColumns),
      every: isa.byteCount)
    reach.source = vector.repeated(side * side, every: component).repeated(tiles, every: tile)
    reach.output = columns.repeated(validRows, every: outputRow)
    if let residualRow { reach.residual = columns.repeated(validRows, every: residualRow) }
    reach.bias = vector
    return reach
  }
}

private enum WinogradTile {
  /// Pixels of a row that `tiles` tiles touch, the last of which has fewer columns than the others.
  static func columns(_ tiles: Int, every step: Int, _ side: Int, _ last: Int) -> Int {
    let whole = last < side ? tiles - 1 : tiles
    return max(whole > 0 ? (whole - 1) * step + side : 0, tiles > whole ? (tiles - 1) * step + last : 0)
  }
}
