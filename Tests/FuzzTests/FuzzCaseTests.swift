import FixresBase
import FixresFuzz
import Testing

/// The fuzzer's own cases, few of each format: `fixresc-fuzz` runs any number of them.
@Suite struct FuzzCaseTests {
  /// All but networks and `arguments`, whose cases need a process that can write no file.
  static let names = FuzzFormat.all.filter { $0.share > 0 && $0.name != "arguments" }.map(\.name)

  /// Every case ends in a value or a typed error.
  @Test(arguments: names)
  func casesAreSurvived(_ name: String) throws {
    let source = FuzzSource(try #require(FuzzFormat.named(name)))
    var (accepted, refused) = (0, 0)
    for file in source.seeds.prefix(10) where source.format.read(Bytes(file)) == .accepted { accepted += 1 }
    for number in 0..<100 {
      switch source.format.read(Bytes(source.makeCase(seed: 7, number: number))) {
      case .accepted: accepted += 1
      case .refused: refused += 1
      case .wrong(let text): Issue.record("\(name) 7:\(number): \(text)")
      }
    }
    // Neither all nor none: otherwise cases would say nothing of the reader.
    #expect(accepted > 0, "\(name), seed 7")
    #expect(refused > 0 || source.format.share == 0, "\(name), seed 7")
  }

  /// Prefixes and flipped header bits of the shortest good file; `fixresc-fuzz sweep` takes those of all.
  @Test("row 3 and 4: prefixes and flipped bits are survived", arguments: names)
  func prefixesAndFlippedBitsAreSurvived(_ name: String) throws {
    let source = FuzzSource(try #require(FuzzFormat.named(name))).shortestSeed
    for number in stride(from: 0, to: source.sweepCount, by: max(source.sweepCount / 1500, 1)) {
      if case .wrong(let text) = source.format.read(Bytes(source.sweepCase(number))) {
        Issue.record("\(name) sweep:\(number) of the shortest file: \(text)")
      }
    }
  }

  /// A seed and a number give the same file, another number or seed another one.
  @Test(arguments: names)
  func casesRepeat(_ name: String) throws {
    let format = try #require(FuzzFormat.named(name))
    let (first, second) = (FuzzSource(format), FuzzSource(format))
    let files = (0..<40).map { first.makeCase(seed: 3, number: $0) }
    #expect(files == (0..<40).map { second.makeCase(seed: 3, number: $0) })
    #expect(Set(files).count > 30)
    #expect(files != (0..<40).map { first.makeCase(seed: 4, number: $0) })
  }

  /// Seeds are good files: what is mutated must have been read at all.
  @Test(arguments: ["graph", "bin", "npy", "json", "state", "png", "labels"])
  func seedsAreAccepted(_ name: String) throws {
    let source = FuzzSource(try #require(FuzzFormat.named(name)))
    let accepted = source.seeds.filter { source.format.read(Bytes($0)) == .accepted }
    #expect(accepted.count * 2 > source.seeds.count, "\(accepted.count) of \(source.seeds.count)")
  }
}
