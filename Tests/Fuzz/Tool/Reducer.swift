import FixresBase
import FixresFuzz

/// Makes a failing file small: removes ever smaller pieces as long as it fails in the same way (delta debugging, Zeller
/// and Hildebrandt, 2002), then makes the bytes that are left plain.
struct Reducer {
  private var child: Child
  private let format: FuzzFormat
  private let path: String
  private(set) var tries = 0
  /// Tries after which the smallest file so far is the answer.
  private static let mostTries = 20_000

  init?(format: FuzzFormat, scratch: String) {
    guard let child = Child(folder: scratch, name: "reducer") else { return nil }
    (self.child, self.format, path) = (child, format, scratch + "/candidate")
  }

  /// How reading `file` fails; nil where it does not.
  mutating func failure(of file: [UInt8]) -> Child.Failure? {
    tries += 1
    do { try AtomicFileWriter.write(file, to: path) } catch { return nil }
    guard child.start([format.name, "file", path, "0"]) else { return nil }
    while true {
      switch child.poll() {
      case nil: Child.pause()
      case .success: return nil
      case .failure(let error): return error.failure
      }
    }
  }

  /// The smallest file found that fails as `file` does; nil where `file` does not fail.
  mutating func reduce(_ file: [UInt8]) -> (file: [UInt8], failure: Child.Failure)? {
    guard let failure = failure(of: file) else { return nil }
    var best = file
    for _ in 0..<4 {
      let before = best
      removeLines(&best, failure)
      removePieces(&best, failure)
      if best == before { break }
    }
    simplify(&best, failure)
    return (best, failure)
  }

  /// `candidate`, or with right checksums, as the new best where it still fails.
  private mutating func accept(_ candidate: [UInt8], _ best: inout [UInt8], _ failure: Child.Failure) -> Bool
  {
    guard tries < Self.mostTries else { return false }
    if self.failure(of: candidate) == failure {
      best = candidate
      return true
    }
    let repaired = format.repaired(candidate)
    guard repaired != candidate, self.failure(of: repaired) == failure else { return false }
    best = repaired
    return true
  }

  private mutating func removePieces(_ best: inout [UInt8], _ failure: Child.Failure) {
    var size = max(best.count / 2, 1)
    while true {
      var place = 0
      while place < best.count {
        var candidate = best
        candidate.removeSubrange(place..<min(best.count, place + size))
        if !accept(candidate, &best, failure) { place += size }
      }
      guard size > 1 else { return }
      size /= 2
    }
  }

  /// Removes runs of whole lines, for texts.
  private mutating func removeLines(_ best: inout [UInt8], _ failure: Child.Failure) {
    var size = max(best.split(separator: 0x0A, omittingEmptySubsequences: false).count / 2, 1)
    while true {
      var place = 0
      while true {
        var lines = best.split(separator: 0x0A, omittingEmptySubsequences: false)
        guard lines.count > 1, place < lines.count else { break }
        lines.removeSubrange(place..<min(lines.count, place + size))
        if !accept(Array(lines.joined(separator: [0x0A])), &best, failure) { place += size }
      }
      guard size > 1 else { return }
      size /= 2
    }
  }

  private mutating func simplify(_ best: inout [UInt8], _ failure: Child.Failure) {
    for place in best.indices where place < best.count && best[place] != 0 && best[place] != 0x30 {
      var candidate = best
      candidate[place] = (0x20..<0x7F).contains(best[place]) ? 0x30 : 0
      _ = accept(candidate, &best, failure)
    }
  }
}
