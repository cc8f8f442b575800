import FixresBase
import FixresFormats
import Testing

@Suite struct NameScannerTests {
  /// Against the definition, on texts of few letters, in which pieces meet and overlap.
  @Test func findsThePieceOfLeastRank() {
    let seed: UInt64 = 7
    var random = SeededRandom(seed: seed)
    func word(_ length: Range<Int>) -> String {
      String(
        (0..<random.nextInt(in: length)).map { _ in ["a", "b", ".", "é"][random.nextInt(in: 0..<4)] }.joined()
      )
    }
    for _ in 0..<300 {
      let pieces = (0..<random.nextInt(in: 1..<12)).map { _ in word(2..<5) }
      let scanner = NameScanner(pieces)
      for _ in 0..<20 {
        let text = Array(word(0..<24).utf8)
        let expected = pieces.firstIndex { piece in
          let piece = Array(piece.utf8)
          return text.indices.contains { text[$0...].starts(with: piece) }
        }
        #expect(scanner.first(in: text) == expected, "seed \(seed)")
      }
    }
  }
}
