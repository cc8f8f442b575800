import FixresBase

/// Rows with aligned columns; the last column is never padded.
package struct Table {
  /// The side on which the cells of a column are aligned.
  package enum Side: Sendable {
    /// Text.
    case left
    /// Numbers.
    case right
  }

  /// Bytes of a cell at most, so that no name from a file makes all rows as wide.
  private static let longestCell = 160
  /// Bytes of a cell of the last column at most.
  private static let longestText = 2000

  private let sides: [Side]
  private var rows: [[String]] = []

  /// A table of columns that lean to `sides`; `header` may be empty.
  package init(_ sides: [Side], header: [String] = []) {
    self.sides = sides
    if !header.isEmpty { add(header) }
  }

  /// Adds a row with one cell per column.
  package mutating func add(_ row: [String]) {
    precondition(row.count == sides.count, "a row has as many cells as the table has columns")
    rows.append(
      row.enumerated().map { column, cell in
        Text.fitted(cell, limit: column == row.count - 1 ? Table.longestText : Table.longestCell)
      })
  }

  /// The rows as lines, each begun with `indent`.
  package func lines(indent: String = "") -> [String] {
    let widths = sides.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      var line = indent
      for (column, cell) in row.enumerated() {
        let padding = String(repeating: " ", count: widths[column] - cell.count)
        if column > 0 { line += "  " }
        switch sides[column] {
        case .right: line += padding + cell
        case .left: line += column == row.count - 1 ? cell : cell + padding
        }
      }
      while line.last == " " { line.removeLast() }
      return line
    }
  }
}
