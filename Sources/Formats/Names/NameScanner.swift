/// Looks for many short pieces in many names, reading each name once: a file may have 65,536 names of 512 bytes.
package struct NameScanner: Sendable {
  /// Pieces of at least two bytes, by rank.
  private let pieces: [[UInt8]]
  /// For each pair of bytes, one more than the index in `groups` of the pieces that start with it; 0 for none.
  private let starts: [UInt8]
  private let groups: [[Int]]

  /// A scanner for `pieces`, each of at least two bytes, whose order is their rank.
  package init(_ pieces: [String]) {
    self.pieces = pieces.map { Array($0.utf8) }
    var starts = [UInt8](repeating: 0, count: 1 << 16)
    var groups: [[Int]] = []
    for (rank, piece) in self.pieces.enumerated() {
      precondition(piece.count >= 2, "a piece has at least two bytes")
      let pair = Int(piece[0]) << 8 | Int(piece[1])
      if starts[pair] == 0 {
        groups.append([])
        starts[pair] = UInt8(groups.count)
      }
      groups[Int(starts[pair]) - 1].append(rank)
    }
    (self.starts, self.groups) = (starts, groups)
  }

  /// The least rank of a piece that `text` contains; nil for none.
  package func first(in text: [UInt8]) -> Int? {
    var best: Int?
    for position in 0..<max(0, text.count - 1) {
      let start = starts[Int(text[position]) << 8 | Int(text[position + 1])]
      guard start > 0 else { continue }
      for rank in groups[Int(start) - 1] where rank < best ?? .max {
        let piece = pieces[rank]
        let end = position + piece.count
        if end <= text.count, text[position..<end].elementsEqual(piece) { best = rank }
      }
    }
    return best
  }
}
