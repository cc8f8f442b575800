/// The cases of a format: a seed and a number give the same file everywhere.
package struct FuzzSource: Sendable {
  package let format: FuzzFormat
  /// Small good files.
  package let seeds: [[UInt8]]

  /// Loads the seeds of `format`.
  package init(_ format: FuzzFormat) {
    self.format = format
    seeds = format.seeds()
    precondition(!seeds.isEmpty || format.generate != nil, "\(format.name) has no file to start from")
  }

  private init(_ format: FuzzFormat, seeds: [[UInt8]]) { (self.format, self.seeds) = (format, seeds) }

  /// The source with its shortest good file alone.
  package var shortestSeed: FuzzSource {
    FuzzSource(format, seeds: seeds.min { $0.count < $1.count }.map { [$0] } ?? [])
  }

  /// Bytes of the longest case; a repeated splice would grow without end.
  private static let longestCase = 1 << 16

  /// Case `number` under `seed`.
  package func makeCase(seed: UInt64, number: Int) -> [UInt8] {
    var dice = Dice(seed: seed, name: format.name, number: number)
    guard let mutate = format.mutate else { return format.generate?(&dice) ?? [] }
    var file: [UInt8]
    if let generate = format.generate, dice.once(in: 3) {
      file = generate(&dice)
    } else {
      file = dice.pick(seeds)
    }
    // Most cases differ in one to three places: more of them hide one fault behind another.
    var count = 1
    while count < 6, dice.below(5) < 2 { count += 1 }
    for _ in 0..<count {
      if dice.below(10) < 7 {
        mutate(&file, &dice)
      } else {
        GenericMutator.mutate(&file, others: seeds, &dice)
      }
    }
    if file.count > Self.longestCase { file.removeLast(file.count - Self.longestCase) }
    if let repair = format.repair, dice.below(8) > 0 { repair(&file) }
    return file
  }

  // MARK: Prefixes and flipped bits

  /// Bytes from a file's start whose bits are flipped; the headers of every format lie there.
  private static let headerByteCount = 1024

  /// Prefixes of `file`, its bits flipped one by one, and these again with checksums repaired.
  private static func sweepCount(_ file: [UInt8]) -> Int {
    file.count + 16 * min(file.count, headerByteCount)
  }

  /// Number of cases that `sweepCase` makes of the seeds.
  package var sweepCount: Int { seeds.reduce(0) { $0 + Self.sweepCount($1) } }

  /// Case `number` of the prefixes and flipped bits of all seeds.
  package func sweepCase(_ number: Int) -> [UInt8] {
    var rest = number
    for file in seeds {
      let count = Self.sweepCount(file)
      guard rest >= count else { return Self.sweepCase(rest, of: file, format) }
      rest -= count
    }
    return []
  }

  private static func sweepCase(_ number: Int, of file: [UInt8], _ format: FuzzFormat) -> [UInt8] {
    guard number >= file.count else { return Array(file.prefix(number)) }
    let flip = number - file.count
    let bitCount = 8 * min(file.count, headerByteCount)
    var flipped = file
    let bit = flip % bitCount
    flipped[bit / 8] ^= 1 << UInt8(bit % 8)
    return flip < bitCount ? flipped : format.repaired(flipped)
  }
}
