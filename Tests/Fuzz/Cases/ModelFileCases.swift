import FixresAssembler
import FixresBase
import FixresIR
import TestSupport

/// Model files: the graph's text, and every section of the container behind right checksums.
enum ModelFileCases {
  static func formats() -> [FuzzFormat] {
    func section(
      _ name: String, share: Int = 30, _ mutate: @escaping @Sendable (inout [UInt8], inout Dice) -> Void
    ) -> FuzzFormat {
      let kind = Array(name.utf8)
      return FuzzFormat(
        name.lowercased(), seeds: seeds().filter { $0.place(of: kind) != nil }, share: share,
        alignment: 64, mutate: { file, dice in change(&file, section: kind, &dice, mutate) }, repair: repair,
        read: read)
    }
    let metadata = TextMutator(TextCases.jsonWords + metadataWords)
    let indexed = TextMutator(TextCases.jsonWords + indexWords)
    return [
      FuzzFormat("bin", seeds: seeds(), alignment: 64, mutate: mutateContainer, repair: repair, read: read),
      section("GRPH", share: 40, GraphText.mutator.mutate),
      section("META", metadata.mutate), section("TUNE", indexed.mutate),
      section("PACK") { changeIndex(&$0, indexed, &$1) },
      section("REFS") {
        changeIndex(&$0, TextMutator(TextCases.jsonWords + indexWords + metadataWords), &$1)
      },
      section("CNST", share: 10) { GenericMutator.number(&$0, &$1) },
    ]
  }

  private static let metadataWords = [
    "\"architecture\"", "\"preprocessing\"", "\"resize_rule\"", "\"height\"", "\"crop_share\"",
    "\"resize_sides\"", "\"test_crop\"",
    "\"size\"", "\"share\"", "\"mean\"", "\"std\"", "\"labels\"", "\"synsets\"", "\"facts\"", "\"outputs\"",
    "\"softmax\"",
    "\"verified\"", "\"history\"", "\"parameters\"", "\"squash_from\"", "\"input_scale\"",
    "\"channel_order\"", "\"bgr\"",
    "\"train_resolution\"",
  ]
  private static let indexWords = [
    "\"version\"", "\"tunings\"", "\"processor\"", "\"instruction_set\"", "\"choices\"", "\"layer\"",
    "\"kernel\"",
    "\"constants_checksum\"", "\"tensors\"", "\"constant\"", "\"layout\"", "\"offset\"", "\"count\"",
    "\"references\"",
    "\"kind\"", "\"tensor\"", "\"picture\"", "\"shape\"", "\"byte_count\"", "\"exif\"", "\"name\"",
  ]

  /// The page's example, and a small network with everything that a file may hold.
  private static func seeds() -> [[UInt8]] {
    var files = [Corpus.file("documentation/tiny.bin")]
    files += Corpus.files(in: "releases", suffix: ".bin", atMost: 8192)
    do {
      let folder = try TemporaryFolder()
      var model = try SmallModel.residual(side: 5, channels: 2, classes: 2)
      let input = Tensor(shape: [1, 3, 5, 5], [Float](repeating: 0.5, count: 75))
      let outputs = Tensor(shape: [1, 2], [1, 2])
      let picture = ReferencePair.PictureInput(
        bytes: Bytes(Corpus.file("imaging/p6-1.ppm")), preprocessing: .imageNet, size: Extent(5, 5))
      model.references = [
        ReferencePair(name: "a", input: .tensor(input), outputs: outputs),
        ReferencePair(name: "b", input: .picture(picture), outputs: outputs),
      ]
      model.metadata.verified = Verification(references: 2, maximumDifference: 1e-6)
      model.metadata.facts = [Fact("activation", "relu", from: .family, option: "--network")]
      model.tunings = [
        Tuning(
          processor: "p", instructionSet: "avx2",
          choices: [.init(layer: "conv1", kernel: "direct 1x1x1 pixels")])
      ]
      try ModelFile.write(model, to: folder.path + "/model.bin")
      files.append(try MappedFile.open(folder.path + "/model.bin").array)
    } catch {
      preconditionFailure("the small model cannot be written: \(error)")
    }
    return files.filter { !$0.isEmpty }
  }

  static func read(_ bytes: Bytes) -> FuzzFormat.Verdict {
    let model: Model
    do { model = try ModelFile.read(bytes) } catch { return .refused }
    return GraphText.roundTrip(model.graph)
  }

  // MARK: Container

  struct Section {
    var kind: [UInt8]
    var flags: Int
    var data: [UInt8]
  }

  static func sections(_ file: [UInt8]) -> [Section]? {
    guard let count = file.little(12, 4), count <= 64 else { return nil }
    var sections: [Section] = []
    for index in 0..<count {
      let entry = 32 + 32 * index
      guard let flags = file.little(entry + 4, 4), let offset = file.little(entry + 8, 8),
        let size = file.little(entry + 16, 8),
        offset <= file.count, size <= file.count - offset
      else { return nil }
      sections.append(
        Section(kind: Array(file[entry..<entry + 4]), flags: flags, data: Array(file[offset..<offset + size]))
      )
    }
    return sections
  }

  /// A container of `sections`, every checksum right, `PACK`'s of the constants too where it is in the usual place.
  static func file(_ sections: [Section]) -> [UInt8] {
    var sections = sections
    if let constants = sections.first(where: { $0.kind == Array("CNST".utf8) }),
      let packed = sections.firstIndex(where: { $0.kind == Array("PACK".utf8) })
    {
      setConstantsChecksum(of: &sections[packed].data, checksum(constants.data[...]))
    }
    var (table, body) = ([UInt8](), [UInt8]())
    let start = 32 + 32 * sections.count
    for section in sections {
      while (start + body.count) % 64 != 0 { body.append(0) }
      table += section.kind
      table.appendLittle(UInt64(section.flags), 4)
      table.appendLittle(UInt64(start + body.count), 8)
      table.appendLittle(UInt64(section.data.count), 8)
      table.appendLittle(UInt64(checksum(section.data[...])), 4)
      table.appendLittle(0, 4)
      body += section.data
    }
    var header = Array("FIXRESC\0".utf8) + [1, 0, 0, 0]
    header.appendLittle(UInt64(sections.count), 4)
    header.appendLittle(UInt64(start + body.count), 8)
    header.appendLittle(UInt64(checksum(table[...])), 4)
    header.appendLittle(UInt64(checksum(header[...])), 4)
    return header + table + body
  }

  private static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    bytes.withUnsafeBytes { HardwareChecksum.checksum($0) }
  }

  /// Writes `sum` behind `"constants_checksum":` of a packed section, and the index's length anew.
  private static func setConstantsChecksum(of data: inout [UInt8], _ sum: UInt32) {
    guard let length = data.little(0, 4), length <= data.count - 8 else { return }
    var index = Array(data[8..<8 + length])
    guard let key = index.place(of: Array("\"constants_checksum\": ".utf8)) else { return }
    let start = key + 22
    let end = index[start...].firstIndex { !(0x30...0x39).contains($0) } ?? index.count
    index.replaceSubrange(start..<end, with: Array("\(sum)".utf8))
    data = indexed(index, blobs(of: data))
  }

  /// What lies behind the index of a packed or reference section.
  private static func blobs(of data: [UInt8]) -> [UInt8] {
    guard let length = data.little(0, 4) else { return [] }
    return Array(data.dropFirst((8 + length + 63) / 64 * 64))
  }

  private static func indexed(_ index: [UInt8], _ blobs: [UInt8]) -> [UInt8] {
    var data: [UInt8] = []
    data.appendLittle(UInt64(index.count), 4)
    data += [0, 0, 0, 0] + index
    while data.count % 64 != 0 { data.append(0) }
    return data + blobs
  }

  private static func changeIndex(_ data: inout [UInt8], _ text: TextMutator, _ dice: inout Dice) {
    guard let length = data.little(0, 4), length <= data.count - 8, dice.below(8) > 0 else {
      return data.putLittle(dice.interesting(4), at: 0, 4)
    }
    var index = Array(data[8..<8 + length])
    text.mutate(&index, &dice)
    var rest = blobs(of: data)
    if dice.once(in: 6) { rest.removeLast(min(rest.count, dice.pick([1, 4, 64]))) }
    data = indexed(index, rest)
  }

  /// Applies `mutate` to the data of the section `kind`.
  private static func change(
    _ file: inout [UInt8], section kind: [UInt8], _ dice: inout Dice,
    _ mutate: (inout [UInt8], inout Dice) -> Void
  ) {
    guard var parts = sections(file), let place = parts.firstIndex(where: { $0.kind == kind }) else {
      return GenericMutator.number(&file, &dice)
    }
    mutate(&parts[place].data, &dice)
    file = Self.file(parts)
  }

  private static func mutateContainer(_ file: inout [UInt8], _ dice: inout Dice) {
    guard var parts = sections(file), !parts.isEmpty else { return GenericMutator.number(&file, &dice) }
    let place = dice.below(parts.count)
    switch dice.below(9) {
    case 0: parts.remove(at: place)
    case 1: parts.append(parts[place])
    case 2: parts.swapAt(place, dice.below(parts.count))
    case 3:
      parts[place].kind = dice.pick([Array("ABCD".utf8), [0, 1, 2, 3], parts[dice.below(parts.count)].kind])
    case 4: parts[place].flags = dice.once(in: 2) ? dice.below(4) : Int(dice.interesting(4))
    case 5: parts[place].data.removeLast(min(parts[place].data.count, 1 + dice.below(70)))
    case 6: parts[place].data += [UInt8](repeating: 0, count: 1 + dice.below(130))
    default:
      // A field of header or table, whose checksums the repair makes right.
      let isHeader = dice.once(in: 4)
      let fields =
        isHeader ? [(8, 2), (10, 2), (12, 4), (16, 8)] : [(0, 4), (4, 4), (8, 8), (16, 8), (24, 4), (28, 4)]
      let field = dice.pick(fields)
      let start = isHeader ? 0 : 32 + 32 * place
      let value = dice.once(in: 2) ? dice.interesting(field.1) : UInt64(64 * dice.below(file.count / 64 + 2))
      return file.putLittle(value, at: start + field.0, field.1)
    }
    file = Self.file(parts)
  }

  /// Makes the checksums of every section that lies in the file, of the table and of the header right.
  static func repair(_ file: inout [UInt8]) {
    guard file.count >= 32, let count = file.little(12, 4) else { return }
    if count <= 1000, 32 + 32 * count <= file.count {
      for index in 0..<count {
        let entry = 32 + 32 * index
        guard let offset = file.little(entry + 8, 8), let size = file.little(entry + 16, 8),
          offset <= file.count,
          size <= file.count - offset
        else { continue }
        file.putLittle(UInt64(checksum(file[offset..<offset + size])), at: entry + 24, 4)
      }
      file.putLittle(UInt64(checksum(file[32..<32 + 32 * count])), at: 24, 4)
    }
    file.putLittle(UInt64(checksum(file[0..<28])), at: 28, 4)
  }
}
