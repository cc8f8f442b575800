import FixresBase

/// NumPy files: header texts and lengths, and elements that do not fill the shape.
enum ArrayCases {
  static func formats() -> [FuzzFormat] {
    [
      FuzzFormat(
        "npy", seeds: seeds(), generate: generate, mutate: mutate, repair: repair, read: read)
    ]
  }

  private static let types = [
    "<f4", "<f8", "<f2", ">f4", "|b1", "|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8", ">i8", "<u8", "|O",
    "<c8",
    "|S4", "<U1", "=f4", "f4", "float32", "<f16", "",
  ]
  private static let text = TextMutator(
    types + [
      "'descr'", "'fortran_order'", "'shape'", "True", "False", "(", ")", "()", "(1,)", "(2, 3)", ",", ":",
      "{", "}", "L",
    ])

  private static func seeds() -> [[UInt8]] {
    var dice = Dice(seed: 2)
    return Corpus.files(in: "base", suffix: ".npy", atMost: 1024) + (0..<20).map { _ in generate(&dice) }
  }

  private static func file(version: Int, header: [UInt8], data: [UInt8]) -> [UInt8] {
    var file: [UInt8] = [0x93] + Array("NUMPY".utf8) + [UInt8(version), 0]
    file.appendLittle(UInt64(header.count), version == 1 ? 2 : 4)
    return file + header + data
  }

  private static func generate(_ dice: inout Dice) -> [UInt8] {
    let type = dice.below(types.count)
    let size = type < 14 ? [4, 8, 2, 4, 1, 1, 1, 2, 2, 4, 4, 8, 8, 8][type] : 4
    let shape = (0..<dice.below(5)).map { _ in
      dice.once(in: 12) ? Int(truncatingIfNeeded: dice.interesting(8) >> 1) : dice.below(4)
    }
    let sides = shape.map(String.init).joined(separator: ", ") + (shape.count == 1 ? "," : "")
    let order = dice.once(in: 2) ? "True" : "False"
    let header = "{'descr': '\(types[type])', 'fortran_order': \(order), 'shape': (\(sides)), }"
    let count = shape.reduce(size) { $0.multipliedReportingOverflow(by: $1).partialValue }
    let data = (0..<min(max(count, 0), 600) + (dice.once(in: 8) ? 1 : 0)).map { _ in UInt8(dice.below(256)) }
    let padding = [UInt8](repeating: 0x20, count: dice.below(4)) + [0x0A]
    return file(version: dice.pick([1, 1, 1, 2, 3]), header: Array(header.utf8) + padding, data: data)
  }

  /// Where header and data begin.
  private static func places(_ file: [UInt8]) -> (header: Int, data: Int)? {
    guard file.count > 12 else { return nil }
    let start = file[6] == 1 ? 10 : 12
    guard let length = file.little(8, start - 8), length <= file.count - start else { return nil }
    return (start, start + length)
  }

  private static func mutate(_ bytes: inout [UInt8], _ dice: inout Dice) {
    guard let places = places(bytes) else { return GenericMutator.number(&bytes, &dice) }
    switch dice.below(8) {
    case 0: bytes[6] = UInt8(dice.below(6))
    case 1: bytes.putLittle(dice.interesting(4), at: 8, places.header - 8)
    case 2: bytes.removeLast(min(bytes.count, dice.below(9)))
    case 3: bytes.append(0)
    default:
      var header = Array(bytes[places.header..<places.data])
      text.mutate(&header, &dice)
      bytes = file(version: Int(bytes[6]), header: header, data: Array(bytes[places.data...]))
    }
  }

  /// Makes the header's length reach its end of line.
  private static func repair(_ bytes: inout [UInt8]) {
    guard bytes.count > 12, (1...3).contains(bytes[6]) else { return }
    let start = bytes[6] == 1 ? 10 : 12
    guard let end = bytes.place(of: [0x0A], from: start) else { return }
    bytes.putLittle(UInt64(end + 1 - start), at: 8, start - 8)
  }

  private static func read(_ bytes: Bytes) -> FuzzFormat.Verdict {
    do {
      let array = try Npy.read(bytes)
      guard array.count == array.shape.reduce(1, *) else { return .wrong("\(array.shape) of \(array.count)") }
      guard array.floats().count == array.count else { return .wrong("other floats than elements") }
      return .accepted
    } catch {
      return .refused
    }
  }
}
