import FixresIR

/// A rectangle of a resized picture, in pixels.
struct PixelWindow: Hashable {
  let rows: Range<Int>
  let columns: Range<Int>
}

/// Resizes 8-bit RGB with every byte equal to Pillow's `Image.resize` (`Resample.c`).
///
/// ```
/// source --horizontal pass--> rows that the vertical pass reads, 8 bits --vertical pass--> window
/// ```
/// A pass whose size does not change is left out. Only the window of the result that the crop shows is computed, and
/// only the part of the intermediate picture that the window depends on.
enum Resampler {
  /// Largest intermediate picture in bytes.
  static let maximumIntermediateBytes = 1 << 31

  /// The part `window` of `source` resized to `size`.
  static func resize(
    _ source: Picture, to size: Extent, window: PixelWindow, interpolation: Preprocessing.Interpolation
  ) throws(ImageError) -> Picture {
    if size.width == source.width, size.height == source.height {
      return try crop(source, window)
    }
    if interpolation == .nearest { return try nearest(source, to: size, window: window) }
    let vertical = try ResampleTable(
      inputSize: source.height, outputSize: size.height, window: window.rows, interpolation: interpolation)
    let horizontal = try ResampleTable(
      inputSize: source.width, outputSize: size.width, window: window.columns,
      interpolation: interpolation)
    if size.width == source.width {
      return try resizeRows(source, firstRow: 0, columns: window.columns, vertical)
    }
    if size.height == source.height {
      return try resizeColumns(source, rows: window.rows, firstColumn: 0, horizontal)
    }
    if goesVerticalFirst(from: source, to: size) {
      let columns = horizontal.inputRange
      let short = try resizeRows(source, firstRow: 0, columns: columns, vertical)
      return try resizeColumns(
        short, rows: 0..<short.height, firstColumn: columns.lowerBound, horizontal)
    }
    let rows = vertical.inputRange
    let narrow = try resizeColumns(source, rows: rows, firstColumn: 0, horizontal)
    return try resizeRows(narrow, firstRow: rows.lowerBound, columns: 0..<narrow.width, vertical)
  }

  /// Pillow 13's choice of the order of passes, which changes the result as the intermediate is rounded to 8 bits.
  private static func goesVerticalFirst(from source: Picture, to size: Extent) -> Bool {
    size.height < source.height && source.height - size.height > 2 * (source.width - size.width)
  }

  /// The part `window` of `source`.
  static func crop(_ source: Picture, _ window: PixelWindow) throws(ImageError) -> Picture {
    if window.rows == 0..<source.height, window.columns == 0..<source.width { return source }
    let target = try Picture(uninitializedWidth: window.columns.count, height: window.rows.count)
    for row in 0..<target.height {
      let from = (window.rows.lowerBound + row) * source.bytesPerRow + window.columns.lowerBound * 4
      (target.pixels.base + row * target.bytesPerRow).update(
        from: source.pixels.base + from, count: target.bytesPerRow)
    }
    return target
  }

  /// Horizontal pass over `rows`; column 0 of `source` is column `firstColumn` of the axis of `table`.
  private static func resizeColumns(
    _ source: Picture, rows: Range<Int>, firstColumn: Int, _ table: ResampleTable
  ) throws(ImageError) -> Picture {
    let target = try intermediate(width: table.outputCount, height: rows.count)
    table.lowWeights.withUnsafeBufferPointer { low in
      table.highWeights.withUnsafeBufferPointer { high in
        for row in 0..<rows.count {
          let start = source.pixels.base + (rows.lowerBound + row) * source.bytesPerRow
          ResampleKernels.row(
            from: UnsafeRawPointer(start) - 4 * firstColumn,
            to: UnsafeMutableRawPointer(target.pixels.base + row * target.bytesPerRow), table,
            low: UnsafeRawPointer(low.baseAddress!), high: UnsafeRawPointer(high.baseAddress!))
        }
      }
    }
    return target
  }

  /// Vertical pass over `columns`; row 0 of `source` is row `firstRow` of the axis of `table`.
  private static func resizeRows(
    _ source: Picture, firstRow: Int, columns: Range<Int>, _ table: ResampleTable
  ) throws(ImageError) -> Picture {
    let target = try intermediate(width: columns.count, height: table.outputCount)
    let base = source.pixels.base + columns.lowerBound * 4
    table.lowWeights.withUnsafeBufferPointer { low in
      table.highWeights.withUnsafeBufferPointer { high in
        for row in 0..<table.outputCount {
          let window = ResampleKernels.RowWindow(
            first: UnsafeRawPointer(base + (table.starts[row] - firstRow) * source.bytesPerRow),
            last: UnsafeRawPointer(base + (source.height - 1) * source.bytesPerRow),
            stride: source.bytesPerRow, pairCount: table.pairCounts[row],
            low: UnsafeRawPointer(low.baseAddress! + row * table.tapsPerOutput),
            high: UnsafeRawPointer(high.baseAddress! + row * table.tapsPerOutput))
          ResampleKernels.column(
            window, to: UnsafeMutableRawPointer(target.pixels.base + row * target.bytesPerRow),
            byteCount: target.bytesPerRow)
        }
      }
    }
    return target
  }

  private static func intermediate(width: Int, height: Int) throws(ImageError) -> Picture {
    guard let byteCount = Int.byteCount(width, height, 4), byteCount <= maximumIntermediateBytes else {
      throw .outOfMemory(byteCount: Int.byteCount(width, height, 4) ?? .max)
    }
    return try Picture(uninitializedWidth: width, height: height)
  }

  /// Nearest neighbour at Pillow's positions, which are accumulated in double.
  private static func nearest(
    _ source: Picture, to size: Extent, window: PixelWindow
  ) throws(ImageError) -> Picture {
    let columns = positions(input: source.width, output: size.width, window: window.columns)
    let rows = positions(input: source.height, output: size.height, window: window.rows)
    let target = try Picture(uninitializedWidth: columns.count, height: rows.count)
    for (y, row) in rows.enumerated() {
      let from = source.pixels.base + row * source.bytesPerRow
      let to = target.pixels.base + y * target.bytesPerRow
      for (x, column) in columns.enumerated() {
        for channel in 0..<4 { to[4 * x + channel] = from[4 * column + channel] }
      }
    }
    return target
  }

  private static func positions(input: Int, output: Int, window: Range<Int>) -> [Int] {
    let step = Double(Float(input)) / Double(output)
    var position = step * 0.5
    var result: [Int] = []
    for index in 0..<window.upperBound {
      if index >= window.lowerBound { result.append(min(max(Int(position), 0), input - 1)) }
      position += step
    }
    return result
  }
}
