/// Finds what a mistyped word was meant to be.
package enum Suggestion {
  /// The candidate with the fewest edits from `word`, if they are few for its length.
  package static func nearest(to word: String, among candidates: [String]) -> String? {
    guard word.utf8.count <= 64 else { return nil }
    let scored = candidates.map { (candidate: $0, edits: edits(Array(word.utf8), Array($0.utf8))) }
    if let best = scored.min(by: { $0.edits < $1.edits }), best.edits <= max(1, letters(word) / 3) {
      return best.candidate
    }
    // `retarget` for `retarget-resolution`: a beginning that only one candidate has.
    let longer = candidates.filter { letters(word) >= 2 && $0.hasPrefix(word) }
    return longer.count == 1 ? longer[0] : nil
  }

  private static func letters(_ word: String) -> Int { word.utf8.count { $0 != UInt8(ascii: "-") } }

  /// Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`.
  ///
  /// Optimal string alignment, after Damerau (1964).
  static func edits(_ a: [UInt8], _ b: [UInt8]) -> Int {
    var before: [Int] = []
    var last = Array(0...b.count)
    for i in a.indices {
      var row = [i + 1]
      for j in b.indices {
        var cost = min(last[j] + (a[i] == b[j] ? 0 : 1), last[j + 1] + 1, row[j] + 1)
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, before[j - 1] + 1) }
        row.append(cost)
      }
      (before, last) = (last, row)
    }
    return last[b.count]
  }
}
