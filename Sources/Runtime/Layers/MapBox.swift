/// Pixels of some channel blocks of a map: rows and columns count from the first pixel inside the border, so that
/// negative ones, and those from the map's size on, lie in the border.
package struct MapBox: Hashable, Sendable {
  package var blocks, rows, columns: Range<Int>

  package init(blocks: Range<Int>, rows: Range<Int>, columns: Range<Int>) {
    (self.blocks, self.rows, self.columns) = (blocks, rows, columns)
  }

  package var isEmpty: Bool { blocks.isEmpty || rows.isEmpty || columns.isEmpty }

  /// Whether all of `other` is part of it.
  package func contains(_ other: MapBox) -> Bool {
    other.isEmpty
      || blocks.contains(other.blocks) && rows.contains(other.rows) && columns.contains(other.columns)
  }
}

extension TensorLayout {
  /// The map without its border.
  package var pixels: MapBox {
    MapBox(blocks: 0..<blockCount, rows: 0..<height, columns: 0..<width)
  }

  /// The map with its border.
  package var borderedPixels: MapBox {
    MapBox(
      blocks: 0..<blockCount, rows: -border.top..<height + border.bottom,
      columns: -border.left..<width + border.right)
  }
}
