import FixresBase
import FixresFormats
import TestSupport
import Testing

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Seeded, structure-aware mutation of every container; each case must end in a checkpoint or a typed error.
///
/// `FIXRESC_FUZZ_CASES` sets the number of cases a format, `FIXRESC_FUZZ_SEED` where they start.
@Suite struct CheckpointFuzzTests {
  static let caseCount = number("FIXRESC_FUZZ_CASES") ?? 5_000
  static let firstSeed = UInt64(number("FIXRESC_FUZZ_SEED") ?? 1)

  static func number(_ name: String) -> Int? { getenv(name).flatMap { Int(String(cString: $0)) } }

  @Test("row 8: mutated pickles") func mutatedPickles() {
    let seeds = [
      "zip_protocol2.pt", "zip_protocol5.pt", "training.pt", "zip_parameters.pt", "hand_made.pt", "texts.pt",
    ]
    .map { Self.member("data.pkl", of: CheckpointFiles.fixture($0)) }
    run { random in
      var pickle = seeds[random.nextInt(in: 0..<seeds.count)]
      for _ in 0...random.nextInt(in: 0..<6) { Self.mutatePickle(&pickle, &random) }
      return CheckpointFiles.torchZip(pickle, storages: (0..<5).map { (String($0), CheckpointFiles.four) })
    }
  }

  @Test("row 10: mutated legacy files") func mutatedLegacyFiles() {
    let seeds = ["legacy_by_hand.pt", "legacy_view.pt", "legacy_protocol2.pt", "legacy_protocol5.pt"]
      .map(CheckpointFiles.fixture)
    run { random in
      var file = seeds[random.nextInt(in: 0..<seeds.count)]
      for _ in 0...random.nextInt(in: 0..<4) {
        if random.nextInt(in: 0..<3) == 0 {
          Self.mutateNumbers(&file, &random)
        } else {
          Self.mutatePickle(&file, &random)
        }
      }
      return file
    }
  }

  @Test("row 7: mutated archives") func mutatedArchives() {
    let seeds = ["hand_made.pt", "zip_protocol2.pt", "zip_comment.pt"].map(CheckpointFiles.fixture)
    run { random in
      var file = seeds[random.nextInt(in: 0..<seeds.count)]
      for _ in 0...random.nextInt(in: 0..<4) { Self.mutateArchive(&file, &random) }
      return file
    }
  }

  @Test("row 5: mutated safetensors") func mutatedSafetensors() {
    let seeds = ["order.safetensors", "plain.safetensors", "extra_fields.safetensors", "scalar.safetensors"]
      .map(CheckpointFiles.fixture)
    run { random in
      let file = seeds[random.nextInt(in: 0..<seeds.count)]
      let length = file[0..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
      var header = Array(file[8..<8 + length])
      for _ in 0...random.nextInt(in: 0..<4) { Self.mutateText(&header, &random) }
      var result = CheckpointFiles.safetensors(header, data: Array(file[(8 + length)...]))
      if random.nextInt(in: 0..<8) == 0 { Self.mutateNumbers(&result, &random) }
      return result
    }
  }

  /// Tensors whose sizes, strides, offset and storage are any numbers at all.
  @Test("row 6: any views") func anyViews() {
    let types = [
      "FloatStorage", "HalfStorage", "DoubleStorage", "LongStorage", "BoolStorage", "UntypedStorage",
    ]
    let storages = [1, 2, 4, 8].map { size in [UInt8](repeating: 0x3C, count: 4 * size) }
    run { random in
      func integer() -> [UInt8] {
        let isSmall = random.nextInt(in: 0..<4) > 0
        let value = isSmall ? UInt64(random.nextInt(in: 0..<5)) : Self.anyNumber(&random)
        return [0x8A, 8] + CheckpointFiles.little(value)
      }
      func integers(_ count: Int) -> [UInt8] {
        [UInt8(ascii: "(")] + (0..<count).flatMap { _ in integer() } + [UInt8(ascii: "t")]
      }
      func text(_ value: String) -> [UInt8] {
        [UInt8(ascii: "X")] + CheckpointFiles.little(UInt32(value.utf8.count)) + Array(value.utf8)
      }
      let rank = random.nextInt(in: 0..<5)
      let size = random.nextInt(in: 0..<4)
      let isCounted = random.nextInt(in: 0..<4) > 0
      var pickle = Array("ctorch._utils\n_rebuild_tensor\n((".utf8) + text("storage")
      pickle += Array("ctorch\n\(types[random.nextInt(in: 0..<types.count)])\n".utf8) + text("\(size)")
      pickle += text("cpu") + (isCounted ? [UInt8(ascii: "K"), 4] : integer()) + Array("tQ".utf8)
      pickle += integer() + integers(rank) + integers(rank) + Array("tR".utf8)
      let entries = CheckpointFiles.pickledDictionary([("w", pickle)])
      return CheckpointFiles.torchZip(entries, storages: storages.enumerated().map { (String($0), $1) })
    }
  }

  /// Reads every case; a trap ends the process, so the seed is printed beforehand when one is asked for.
  private func run(_ make: (inout SeededRandom) -> [UInt8]) {
    var accepted = 0
    for index in 0..<Self.caseCount {
      var random = SeededRandom(seed: Self.firstSeed &+ UInt64(index))
      let file = make(&random)
      if getenv("FIXRESC_FUZZ_TRACE") != nil { print("seed", Self.firstSeed &+ UInt64(index), file.count) }
      if CheckpointFiles.read(file) { accepted += 1 }
    }
    // Neither all nor none: otherwise the mutations would say nothing of the readers.
    #expect(accepted > 0 && accepted < Self.caseCount, "seed \(Self.firstSeed)")
  }

  // MARK: - Mutations

  private static let opcodes = Array("(.012FIJKLMNPQRSTUVXabcdegh}il]opqjrs)tuG".utf8) + Array(0x80...0x98)
  private static let interesting: [UInt64] = [
    0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 1 << 32, 1 << 62,
    1 << 63 - 1, 1 << 63, .max,
  ]

  private static func mutatePickle(_ bytes: inout [UInt8], _ random: inout SeededRandom) {
    guard bytes.count > 2 else { return }
    let place = random.nextInt(in: 0..<bytes.count)
    switch random.nextInt(in: 0..<8) {
    case 0: bytes[place] = opcodes[random.nextInt(in: 0..<opcodes.count)]
    case 1: bytes.insert(opcodes[random.nextInt(in: 0..<opcodes.count)], at: place)
    case 2: bytes.remove(at: place)
    case 3: bytes[place] ^= 1 << random.nextInt(in: 0..<8)
    case 4:
      // A piece of the stream again elsewhere: memo numbers and marks then meet what they never should.
      let count = random.nextInt(in: 1..<min(40, bytes.count))
      let from = random.nextInt(in: 0..<bytes.count - count + 1)
      bytes.insert(contentsOf: Array(bytes[from..<from + count]), at: place)
    case 5: bytes.removeSubrange(place..<min(bytes.count, place + random.nextInt(in: 1..<20)))
    case 6: bytes.insert(contentsOf: [0x8A, 8] + CheckpointFiles.little(anyNumber(&random)), at: place)
    default: mutateNumbers(&bytes, &random)
    }
  }

  /// Overwrites 1, 2, 4 or 8 bytes with a number at which readers break.
  private static func mutateNumbers(_ bytes: inout [UInt8], _ random: inout SeededRandom) {
    let width = 1 << random.nextInt(in: 0..<4)
    guard bytes.count >= width else { return }
    let place = random.nextInt(in: 0..<bytes.count - width + 1)
    bytes.replaceSubrange(
      place..<place + width, with: CheckpointFiles.little(anyNumber(&random)).prefix(width))
  }

  private static func anyNumber(_ random: inout SeededRandom) -> UInt64 {
    interesting[random.nextInt(in: 0..<interesting.count)] &+ UInt64(random.nextInt(in: 0..<3)) &- 1
  }

  /// Changes a field behind one of the archive's signatures, or any byte.
  private static func mutateArchive(_ bytes: inout [UInt8], _ random: inout SeededRandom) {
    let starts = bytes.indices.dropLast(4).filter { bytes[$0] == 0x50 && bytes[$0 + 1] == 0x4B }
    guard let start = starts.isEmpty ? nil : starts[random.nextInt(in: 0..<starts.count)],
      random.nextInt(in: 0..<8) > 0
    else { return mutateNumbers(&bytes, &random) }
    let width = 1 << random.nextInt(in: 1..<4)
    let place = start + 4 + random.nextInt(in: 0..<50)
    guard place + width <= bytes.count else { return }
    let number =
      random.nextInt(in: 0..<2) == 0 ? anyNumber(&random) : UInt64(random.nextInt(in: 0..<bytes.count + 2))
    bytes.replaceSubrange(place..<place + width, with: CheckpointFiles.little(number).prefix(width))
  }

  private static let pieces = [
    "{", "}", "[", "]", ",", ":", "\"", "null", "true", "-1", "-0", "0", "1", "4", "16", "1e400", "4.0",
    "18446744073709551616", "9223372036854775807", "\"F32\"", "\"F64\"", "\"shape\"", "\"data_offsets\"",
    "\"\\ud800\"", "\"\\u0000\"", "{\"a\":{\"a\":1}}", "\u{E9}", " ",
  ].map { Array($0.utf8) }

  private static func mutateText(_ bytes: inout [UInt8], _ random: inout SeededRandom) {
    guard bytes.count > 2 else { return }
    let place = random.nextInt(in: 0..<bytes.count)
    let piece = pieces[random.nextInt(in: 0..<pieces.count)]
    switch random.nextInt(in: 0..<5) {
    case 0: bytes.insert(contentsOf: piece, at: place)
    case 1: bytes.replaceSubrange(place..<min(bytes.count, place + piece.count), with: piece)
    case 2: bytes.removeSubrange(place..<min(bytes.count, place + random.nextInt(in: 1..<12)))
    case 3:
      let count = random.nextInt(in: 1..<min(60, bytes.count))
      let from = random.nextInt(in: 0..<bytes.count - count + 1)
      bytes.insert(contentsOf: Array(bytes[from..<from + count]), at: place)
    default: bytes[place] = UInt8(truncatingIfNeeded: random.next())
    }
  }

  /// The data of the first member whose name ends so; fixtures keep it behind its local header.
  private static func member(_ suffix: String, of file: [UInt8]) -> [UInt8] {
    func number(_ place: Int, _ width: Int) -> Int {
      file[place..<place + width].reversed().reduce(0) { $0 << 8 | Int($1) }
    }
    var place = (0..<file.count - 4).last { file[$0..<$0 + 4].elementsEqual([0x50, 0x4B, 5, 6]) } ?? 0
    place = number(place + 16, 4)
    while file[place..<place + 4].elementsEqual([0x50, 0x4B, 1, 2]) {
      let nameCount = number(place + 28, 2)
      let name = String(decoding: file[place + 46..<place + 46 + nameCount], as: UTF8.self)
      if name.hasSuffix(suffix) {
        let local = number(place + 42, 4)
        let start = local + 30 + number(local + 26, 2) + number(local + 28, 2)
        return Array(file[start..<start + number(place + 24, 4)])
      }
      place += 46 + nameCount + number(place + 30, 2) + number(place + 32, 2)
    }
    return []
  }
}
