import FixresBase

/// A reader under test with the files that cases of it start from and what changes them.
package struct FuzzFormat: Sendable {
  /// What a reader made of a case.
  package enum Verdict: Sendable, Equatable {
    /// Read to the end.
    case accepted
    /// A typed error.
    case refused
    /// Neither: what was read contradicts what must hold.
    case wrong(String)
  }

  /// The name by which commands know the format.
  package let name: String
  /// Cases of this format among all, beside the shares of the others; 0 where it is run only when it is named.
  package let share: Int
  /// What the place of a case's first byte must be a multiple of, as a mapped file's is.
  package let alignment: Int
  /// Small good files.
  let seeds: @Sendable () -> [[UInt8]]
  /// Makes a whole new file; nil where every case starts from a seed.
  let generate: (@Sendable (inout Dice) -> [UInt8])?
  /// One change that knows the format's fields; nil where a case is what was generated.
  let mutate: (@Sendable (inout [UInt8], inout Dice) -> Void)?
  /// Makes checksums and lengths right again, so that what lies behind them is reached.
  let repair: (@Sendable (inout [UInt8]) -> Void)?
  /// Reads a case.
  package var read: @Sendable (Bytes) -> Verdict

  init(
    _ name: String, seeds: @autoclosure @escaping @Sendable () -> [[UInt8]], share: Int = 40,
    alignment: Int = 1,
    generate: (@Sendable (inout Dice) -> [UInt8])? = nil,
    mutate: (@Sendable (inout [UInt8], inout Dice) -> Void)?,
    repair: (@Sendable (inout [UInt8]) -> Void)? = nil,
    read: @escaping @Sendable (Bytes) -> Verdict
  ) {
    (self.name, self.seeds, self.share, self.alignment) = (name, seeds, share, alignment)
    (self.generate, self.mutate, self.repair, self.read) = (generate, mutate, repair, read)
  }

  /// What a repaired `file` is, for a reducer.
  package func repaired(_ file: [UInt8]) -> [UInt8] {
    var file = file
    repair?(&file)
    return file
  }

  /// `accepted` where `body` returns, `refused` where it throws.
  static func verdict(_ body: () throws -> Void) -> Verdict {
    do {
      try body()
      return .accepted
    } catch {
      return .refused
    }
  }
}
