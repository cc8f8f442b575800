import FixresBase

/// Archives: fields of every record, members that overlap, lie or repeat, checksums right or wrong.
enum ZipCases {
  /// A stored archive of `members`.
  static func archive(_ members: [(name: [UInt8], data: [UInt8])]) -> [UInt8] {
    var (file, directory) = ([UInt8](), [UInt8]())
    for (name, data) in members {
      let sum = data.withUnsafeBytes { CRC32.checksum($0) }
      var record: [UInt8] = [10, 0, 0, 0, 0, 0, 0, 0, 0, 0]
      for value in [sum, UInt32(data.count), UInt32(data.count)] { record.appendLittle(UInt64(value), 4) }
      record.appendLittle(UInt64(name.count), 2)
      record.appendLittle(0, 2)
      directory += [0x50, 0x4B, 1, 2, 10, 0] + record + [UInt8](repeating: 0, count: 10)
      directory.appendLittle(UInt64(file.count), 4)
      directory += name
      file += [0x50, 0x4B, 3, 4] + record + name + data
    }
    let start = file.count
    file += directory + [0x50, 0x4B, 5, 6, 0, 0, 0, 0]
    file.appendLittle(UInt64(members.count), 2)
    file.appendLittle(UInt64(members.count), 2)
    file.appendLittle(UInt64(directory.count), 4)
    file.appendLittle(UInt64(start), 4)
    return file + [0, 0]
  }

  private static let four: [UInt8] = [0, 0, 0x80, 0x3F, 0, 0, 0, 0x40, 0, 0, 0x40, 0x40, 0, 0, 0x80, 0x40]

  /// A PyTorch archive around `pickle` with five storages of 16 bytes.
  static func torch(_ pickle: [UInt8]) -> [UInt8] {
    let storages = (0..<5).map { (name: Array("archive/data/\($0)".utf8), data: four) }
    return archive(
      [(Array("archive/data.pkl".utf8), pickle), (Array("archive/version".utf8), [0x33, 0x0A])] + storages)
  }

  static func generate(_ dice: inout Dice) -> [UInt8] {
    let names = [
      "archive/data.pkl", "archive/version", "archive/data/0", "archive/byteorder", "x/data.pkl", "archive/",
      "", "../x",
      "archive/data/1", "archive/.data/serialization_id",
    ]
    var members = [(name: Array("archive/data.pkl".utf8), data: PickleCases.generate(&dice, storages: 2))]
    for _ in 0..<dice.below(6) {
      let name = dice.once(in: 8) ? names[0] : dice.pick(names)
      members.append(
        (Array(name.utf8), dice.once(in: 2) ? four : Array(dice.pick(["3\n", "little", "big", "10"]).utf8)))
    }
    var file = archive(members)
    if dice.once(in: 4) { file = zip64(file, &dice) }
    return file
  }

  /// Adds zip64 records that say what the end record says, or nearly.
  private static func zip64(_ file: [UInt8], _ dice: inout Dice) -> [UInt8] {
    guard let end = lastEnd(file), let count = file.little(end + 10, 2), let size = file.little(end + 12, 4),
      let start = file.little(end + 16, 4)
    else { return file }
    var record: [UInt8] = [0x50, 0x4B, 6, 6]
    record.appendLittle(dice.once(in: 6) ? dice.interesting(8) : 44, 8)
    record += [45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    for value in [count, count, size, start] {
      record.appendLittle(dice.once(in: 12) ? dice.interesting(8) : UInt64(value), 8)
    }
    record += [0x50, 0x4B, 6, 7, 0, 0, 0, 0]
    record.appendLittle(dice.once(in: 8) ? dice.interesting(8) : UInt64(end), 8)
    record.appendLittle(1, 4)
    var tail = Array(file[end...])
    if dice.once(in: 2) { tail.putLittle(0xFFFF, at: 8, 2) }
    if dice.once(in: 2) { tail.putLittle(0xFFFF, at: 10, 2) }
    if dice.once(in: 2) { tail.putLittle(0xFFFF_FFFF, at: 16, 4) }
    return Array(file[..<end]) + record + tail
  }

  private static func lastEnd(_ file: [UInt8]) -> Int? {
    var place = file.count - 22
    while place >= 0 {
      if file[place] == 0x50, file[place + 1] == 0x4B, file[place + 2] == 5, file[place + 3] == 6 {
        return place
      }
      place -= 1
    }
    return nil
  }

  /// Places and widths of the fields behind each signature.
  private static let fields: [UInt8: [(Int, Int)]] = [
    1: [
      (4, 2), (6, 2), (8, 2), (10, 2), (16, 4), (20, 4), (24, 4), (28, 2), (30, 2), (32, 2), (34, 2), (38, 4),
      (42, 4),
    ],
    3: [(4, 2), (6, 2), (8, 2), (14, 4), (18, 4), (22, 4), (26, 2), (28, 2)],
    5: [(4, 2), (6, 2), (8, 2), (10, 2), (12, 4), (16, 4), (20, 2)],
    6: [(4, 8), (16, 4), (20, 4), (24, 8), (32, 8), (40, 8), (48, 8)],
    7: [(4, 4), (8, 8), (16, 4)],
  ]

  static func mutate(_ file: inout [UInt8], _ dice: inout Dice) {
    let starts = file.indices.dropLast(4).filter {
      file[$0] == 0x50 && file[$0 + 1] == 0x4B && fields[file[$0 + 2]] != nil
    }
    guard !starts.isEmpty else { return GenericMutator.number(&file, &dice) }
    let start = dice.pick(starts)
    switch dice.below(8) {
    case 0:
      file.insert(contentsOf: (0..<dice.below(30)).map { _ in UInt8(dice.below(256)) }, at: dice.pick(starts))
    case 1:
      // A record again elsewhere.
      let end = starts.first { $0 > start } ?? file.count
      file.insert(contentsOf: Array(file[start..<end]), at: dice.pick(starts))
    case 2:
      // A comment, which may hold another end record.
      guard let end = lastEnd(file) else { return }
      let comment = dice.once(in: 2) ? Array(file[end...]) : [UInt8](repeating: 0x20, count: dice.below(40))
      file += comment
      if dice.once(in: 2) { file.putLittle(UInt64(comment.count), at: end + 20, 2) }
    default:
      let field = dice.pick(fields[file[start + 2]] ?? [(4, 2)])
      let value = dice.once(in: 2) ? dice.interesting(field.1) : UInt64(dice.below(file.count + 2))
      file.putLittle(value, at: start + field.0, field.1)
    }
  }

  /// Makes the checksum of every member right, where its records say where it lies.
  static func repair(_ file: inout [UInt8]) {
    guard let end = lastEnd(file), var place = file.little(end + 16, 4) else { return }
    while file.little(place, 4) == 0x0201_4B50, let size = file.little(place + 24, 4),
      let nameCount = file.little(place + 28, 2),
      let extra = file.little(place + 30, 2), let comment = file.little(place + 32, 2),
      let local = file.little(place + 42, 4)
    {
      if let a = file.little(local + 26, 2), let b = file.little(local + 28, 2),
        case let start = local + 30 + a + b,
        start <= file.count, size <= file.count - start
      {
        let sum = file.withUnsafeBytes {
          CRC32.checksum(UnsafeRawBufferPointer(rebasing: $0[start..<start + size]))
        }
        file.putLittle(UInt64(sum), at: place + 16, 4)
        file.putLittle(UInt64(sum), at: local + 14, 4)
      }
      place += 46 + nameCount + extra + comment
    }
  }

  /// The data of the first member whose name ends so; nil where there is none.
  static func member(_ suffix: String, of file: [UInt8]) -> [UInt8]? {
    guard let end = lastEnd(file), var place = file.little(end + 16, 4) else { return nil }
    while file.little(place, 4) == 0x0201_4B50, let size = file.little(place + 24, 4),
      let nameCount = file.little(place + 28, 2),
      let extra = file.little(place + 30, 2), let comment = file.little(place + 32, 2),
      let local = file.little(place + 42, 4),
      place + 46 + nameCount <= file.count
    {
      let name = String(decoding: file[place + 46..<place + 46 + nameCount], as: UTF8.self)
      if name.hasSuffix(suffix), let a = file.little(local + 26, 2), let b = file.little(local + 28, 2),
        local + 30 + a + b + size <= file.count
      {
        return Array(file[local + 30 + a + b..<local + 30 + a + b + size])
      }
      place += 46 + nameCount + extra + comment
    }
    return nil
  }
}
