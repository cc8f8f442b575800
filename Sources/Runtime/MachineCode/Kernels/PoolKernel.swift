import FixresAssembler
import FixresBase

/// One emitted function: a row of output pixels of one channel block, each the maximum or mean of its window.
///
/// Windows are clipped to the image: columns here, rows by the caller, which passes their number.
///
///     for x in output columns:                  four at a time where windows are whole
///       best = first pixel                      or sum = 0
///       for y in 0..<rows:                      at run time
///         for tap in window(x):  best = max(best, source[y][tap])      or sum += source[y][tap]
///       output[x] = best                        or sum / divisor[x]
///
/// 3 columns at stride 2 with padding 1:
///
///     padding | 0 1 2 3 4 5 6 | padding
///         [ . 0 1 ]                         clipped, emitted alone
///               [ 1 2 3 ] [ 3 4 5 ]         whole windows, in a loop
package struct PoolKernel: Hashable, Sendable {
  package var isa: VectorISA
  package var isMaximum: Bool
  package var inputWidth: Int
  package var outputWidth: Int
  package var kernelWidth: Int
  package var stride: Int
  package var paddingLeft: Int
  /// Bytes between rows of the source.
  package var sourceRow: Int

  package init(
    isa: VectorISA, isMaximum: Bool, inputWidth: Int, outputWidth: Int, kernelWidth: Int, stride: Int,
    paddingLeft: Int, sourceRow: Int
  ) {
    (self.isa, self.isMaximum) = (isa, isMaximum)
    (self.inputWidth, self.outputWidth, self.kernelWidth) = (inputWidth, outputWidth, kernelWidth)
    (self.stride, self.paddingLeft, self.sourceRow) = (stride, paddingLeft, sourceRow)
  }

  /// The output columns whose windows lie in the image.
  var wholeWindows: Range<Int> {
    let first = min(outputWidth, (paddingLeft + stride - 1) / stride)
    let room = inputWidth + paddingLeft - kernelWidth
    let end = room < 0 ? 0 : min(outputWidth, room / stride + 1)
    return first..<max(first, end)
  }

  /// About how many instructions the function has: clipped windows, and four whole ones, are unrolled.
  package var workEstimate: Int {
    let windows = outputWidth - wholeWindows.count + 4
    return windows.multipliedSaturated(min(kernelWidth, inputWidth).multipliedSaturated(isMaximum ? 4 : 1))
      .addingSaturated(windows.multipliedSaturated(16))
  }

  /// Columns of the image in the window of output column `x`.
  func window(_ x: Int) -> Range<Int> {
    let left = x * stride - paddingLeft
    return max(left, 0)..<max(min(left + kernelWidth, inputWidth), max(left, 0))
  }
}

/// One emitted function: the maximum or mean of whole maps of `blocks` channel blocks.
///
///     total[blocks] = first pixel, or 0
///     for y in 0..<height:
///       row[blocks] = 0                                       means only
///       for x in 0..<width:  row += source[y][x]              or total = max(total, source[y][x])
///       total += row                                          the error is that of a row and of a column
///     output = total / divisor                                or total
package struct GlobalPoolKernel: Hashable, Sendable {
  package var isa: VectorISA
  package var isMaximum: Bool
  package var height: Int
  package var width: Int
  package var blocks: Int
  /// Bytes between rows and between blocks of the source, and between blocks of the output.
  package var sourceRow: Int
  package var sourceBlock: Int
  package var outputBlock: Int

  package init(
    isa: VectorISA, isMaximum: Bool, height: Int, width: Int, blocks: Int, sourceRow: Int, sourceBlock: Int,
    outputBlock: Int
  ) {
    (self.isa, self.isMaximum, self.height, self.width) = (isa, isMaximum, height, width)
    (self.blocks, self.sourceRow, self.sourceBlock) = (blocks, sourceRow, sourceBlock)
    self.outputBlock = outputBlock
  }
}

/// What both pool kernels read from their only argument, in this order.
package struct PoolArguments: BitwiseCopyable {
  /// The first row of the windows, at the image's first column.
  package var source: UnsafeRawPointer
  package var output: UnsafeMutableRawPointer
  /// Divisors of means: one accumulator an output pixel of the row, or one for a whole map.
  package var divisors: UnsafeRawPointer
  /// Rows of the windows, at least one; unused for a whole map.
  package var rows: Int

  package init(
    source: UnsafeRawPointer, output: UnsafeMutableRawPointer, divisors: UnsafeRawPointer, rows: Int
  ) {
    (self.source, self.output, self.divisors, self.rows) = (source, output, divisors, rows)
  }
}
