import FixresBase
import FixresFormats

/// Checkpoints: safetensors, archives and pickles of PyTorch.
enum CheckpointCases {
  static func formats() -> [FuzzFormat] {
    [
      FuzzFormat(
        "safetensors", seeds: Corpus.files(in: "formats", suffix: ".safetensors", atMost: 720),
        generate: generateSafetensors, mutate: mutateSafetensors, repair: repairSafetensors, read: read),
      FuzzFormat(
        "zip", seeds: torchFiles { $0.starts(with: [0x50, 0x4B]) }, generate: ZipCases.generate,
        mutate: ZipCases.mutate, repair: ZipCases.repair, read: read),
      FuzzFormat(
        "pickle", seeds: pickleSeeds(), share: 60, generate: { PickleCases.generate(&$0, storages: 5) },
        mutate: PickleCases.mutate, read: { read(Bytes(ZipCases.torch($0.array))) }),
      FuzzFormat(
        "legacy", seeds: torchFiles { $0.first == 0x80 }, mutate: PickleCases.mutateLegacy, read: read),
    ]
  }

  /// Reads a checkpoint and every tensor of it.
  static func read(_ bytes: Bytes) -> FuzzFormat.Verdict {
    do {
      let checkpoint = try Checkpoint.read(SourceFile(bytes, path: "/nowhere/case"))
      for tensor in checkpoint.tensors where tensor.elementCount < 1 << 20 {
        let read: (shape: [Int], count: Int)
        do {
          let data = try tensor.float32()
          read = (data.shape, data.elementCount)
        } catch {
          continue
        }
        guard read.shape == tensor.shape, read.count == tensor.elementCount else {
          return .wrong("\(tensor.shape) read as \(read)")
        }
      }
      return .accepted
    } catch {
      return .refused
    }
  }

  private static func torchFiles(_ isWanted: ([UInt8]) -> Bool) -> [[UInt8]] {
    Corpus.files(in: "formats", suffix: ".pt", atMost: 1500).filter(isWanted)
  }

  private static func pickleSeeds() -> [[UInt8]] {
    let names = [
      "zip_protocol2.pt", "zip_protocol5.pt", "training.pt", "zip_parameters.pt", "hand_made.pt", "texts.pt",
      "old_rebuild.pt",
      "stack_global.pt", "frozenset.pt", "newobj_ex.pt", "zip_list.pt", "nested_rebuild.pt",
      "python2_ordered.pt",
    ]
    let found = names.compactMap { ZipCases.member("data.pkl", of: Corpus.file("formats/" + $0)) }
    return found.filter { $0.count < 2000 }
  }

  // MARK: safetensors

  private static let text = TextMutator(
    TextCases.jsonWords + [
      "\"F32\"", "\"F64\"", "\"F16\"", "\"BF16\"", "\"I64\"", "\"U8\"", "\"BOOL\"", "\"F8_E4M3\"",
      "\"shape\"", "\"dtype\"",
      "\"data_offsets\"", "\"__metadata__\"", "[0,4]", "[0, 0]", "[4,0]", "18446744073709551616",
      "\"\\ud800\"", "\"\\u0000\"",
    ])

  private static func generateSafetensors(_ dice: inout Dice) -> [UInt8] {
    let types = ["F32", "F64", "F16", "BF16", "I64", "U8", "BOOL", "I8", "I32", "F8_E4M3"]
    let sizes = [4, 8, 2, 2, 8, 1, 1, 1, 4, 1]
    var (end, entries) = (0, [String]())
    for index in 0..<dice.below(5) {
      let type = dice.below(types.count)
      let shape = (0..<dice.below(4)).map { _ in dice.once(in: 20) ? dice.integer() : dice.below(4) }
      let count = shape.reduce(sizes[type]) { $0.multipliedReportingOverflow(by: $1).partialValue }
      let next = dice.once(in: 12) ? dice.integer() : end &+ count
      entries.append(
        "\"t\(index)\":{\"dtype\":\"\(types[type])\",\"shape\":\(shape),\"data_offsets\":[\(end),\(next)]}")
      end = next
    }
    if dice.once(in: 3) {
      entries.insert("\"__metadata__\":{\"format\":\"pt\"}", at: dice.below(entries.count + 1))
    }
    let header =
      Array("{\(entries.joined(separator: ","))}".utf8) + [UInt8](repeating: 0x20, count: dice.below(8))
    let data = (0..<min(max(end, 0), 400)).map { _ in UInt8(dice.below(256)) }
    return file(header, data)
  }

  private static func file(_ header: [UInt8], _ data: [UInt8]) -> [UInt8] {
    var file: [UInt8] = []
    file.appendLittle(UInt64(header.count), 8)
    return file + header + data
  }

  private static func mutateSafetensors(_ bytes: inout [UInt8], _ dice: inout Dice) {
    guard let length = bytes.little(0, 8), length <= bytes.count - 8, length > 1 else {
      return GenericMutator.number(&bytes, &dice)
    }
    if dice.once(in: 8) { return bytes.putLittle(dice.interesting(8), at: 0, 8) }
    var header = Array(bytes[8..<8 + length])
    text.mutate(&header, &dice)
    bytes = file(header, Array(bytes[(8 + length)...]))
  }

  /// Makes the header's length reach its last brace.
  private static func repairSafetensors(_ bytes: inout [UInt8]) {
    guard bytes.count > 9 else { return }
    guard let length = bytes.little(0, 8), length <= bytes.count - 8 else {
      guard let end = bytes.lastIndex(of: 0x7D), end > 8 else { return }
      return bytes.putLittle(UInt64(end - 7), at: 0, 8)
    }
  }
}
