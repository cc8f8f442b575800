/// The taps of a convolution over a source map, and where the map ends: a product with padding is never computed.
package struct TapWindow: Hashable, Sendable {
  package var height: Int
  package var width: Int
  /// Bytes from a tap to the next one below it, and beside it.
  package var rowStep: Int
  package var columnStep: Int
  /// Taps from a pixel to the next one below it, and beside it.
  package var strideHeight: Int
  package var strideWidth: Int
  /// Where the source map lies, in taps from the first tap of the strip's first pixel.
  package var sourceRows: Range<Int>
  package var sourceColumns: Range<Int>

  package init(
    height: Int, width: Int, rowStep: Int, columnStep: Int, strideHeight: Int = 1, strideWidth: Int = 1,
    sourceRows: Range<Int> = 0..<Int.max, sourceColumns: Range<Int> = 0..<Int.max
  ) {
    (self.height, self.width, self.rowStep, self.columnStep) = (height, width, rowStep, columnStep)
    (self.strideHeight, self.strideWidth) = (strideHeight, strideWidth)
    (self.sourceRows, self.sourceColumns) = (sourceRows, sourceColumns)
  }

  package static let one = TapWindow(height: 1, width: 1, rowStep: 0, columnStep: 0)

  /// Neighbouring taps at which the same pixels of a tile lie on the source map.
  struct Run: Hashable {
    var taps: Int
    var isLive: [Bool]

    var hasLivePixels: Bool { isLive.contains(true) }
  }

  /// Runs of kernel rows over the `count` rows of a tile.
  func rowRuns(_ count: Int) -> [Run] {
    Self.runs(taps: height, (0..<count).map { $0 * strideHeight }, within: sourceRows)
  }

  /// Runs of kernel columns over `count` pixels beside each other, the strip's pixel `first` and what follows.
  func columnRuns(first: Int, count: Int) -> [Run] {
    Self.runs(taps: width, (first..<first + count).map { $0 * strideWidth }, within: sourceColumns)
  }

  /// The tiles of `segment`, the first of which starts at the strip's pixel `first`, that have all their taps on the map.
  func tilesInside(_ segment: StripSegment, from first: Int) -> Range<Int> {
    let step = segment.columns * strideWidth
    let start = first * strideWidth
    let before = sourceColumns.lowerBound - start
    let room = sourceColumns.upperBound - width - start - (segment.columns - 1) * strideWidth
    guard room >= 0 else { return 0..<0 }
    let begin = before > 0 ? min(segment.count, (before + step - 1) / step) : 0
    return begin..<max(begin, min(segment.count, room / step + 1))
  }

  private static func runs(taps: Int, _ pixels: [Int], within source: Range<Int>) -> [Run] {
    var runs: [Run] = []
    for tap in 0..<taps {
      let isLive = pixels.map { source.contains($0 + tap) }
      if runs.last?.isLive == isLive {
        runs[runs.count - 1].taps += 1
      } else {
        runs.append(Run(taps: 1, isLive: isLive))
      }
    }
    return runs
  }
}
