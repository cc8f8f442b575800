import FixresBase
import FixresIR
import TestSupport
import Testing

/// Documentation/ModelFile.md shows a whole file, byte by byte: the one that the writer makes of `tinyModel`.
@Suite struct ModelFilePageTests {
  /// A classifier of one 1x1 convolution, with a measured kernel and packed weights, so that no section is missing.
  static func tinyModel() throws -> Model {
    var builder = GraphBuilder(name: "tiny")
    let input = try builder.input("input", .image(3, 2, 2))
    let weight = try builder.constant("fc.weight", shape: [2, 3, 1, 1])
    let bias = try builder.constant("fc.bias", shape: [2])
    let pool = try builder.append(.globalAveragePool(GlobalAveragePool()), [input], name: "pool")
    let scores = try builder.append(.conv2d(Conv2D(hasBias: true)), [pool, weight, bias], name: "scores")
    let logits = try builder.append(.flatten(Flatten()), [scores], name: "logits")
    try builder.output(GraphOutput.logits, logits)
    var constants = Constants()
    constants["fc.weight"] = Tensor(shape: [2, 3, 1, 1], [1, 2, 3, -1, 0.5, 0.25])
    constants["fc.bias"] = Tensor(shape: [2], [0, 1])
    let metadata = ModelMetadata(
      architecture: "tiny", trainResolution: Extent(2, 2), labels: ["cat", "dog"], source: "written by hand",
      history: [HistoryEntry("import", [.init("from", "nothing")])])
    let packed = PackedConstant(
      constant: "fc.weight", layout: "transposed", elements: Tensor(shape: [6], [1, -1, 2, 0.5, 3, 0.25]),
      source: try #require(constants["fc.weight"]))
    let tuning = Tuning(
      processor: "example", instructionSet: "avx2",
      choices: [.init(layer: "scores", kernel: "direct 1x1x1 pixels")])
    return try Model(
      graph: builder.build(), constants: constants, metadata: metadata, tunings: [tuning],
      packedConstants: [packed])
  }

  private static let path = TestData.fixture("documentation/tiny.bin")

  @Test func thePageShowsTheFile() throws {
    let folder = try TemporaryFolder()
    try ModelFile.write(try Self.tinyModel(), to: folder.path + "/tiny.bin")
    let bytes = try MappedFile.open(folder.path + "/tiny.bin").array
    if Golden.isBlessing { try AtomicFileWriter.write(bytes, to: Self.path) }
    #expect(
      try MappedFile.open(Self.path).array == bytes, "Tests/Fixtures/documentation/tiny.bin is another file")
    #expect(DocumentedBlock.difference(Self.dump(bytes), from: "tiny-dump", in: "ModelFile.md") == nil)
  }

  @Test func theFileReadsBackWhole() throws {
    let model = try ModelFile.open(Self.path)
    #expect(try model == Self.tinyModel())
  }

  /// `bytes` as `hexdump -C` prints them.
  private static func dump(_ bytes: [UInt8]) -> String {
    func hexadecimal(_ value: Int, _ digits: Int) -> String {
      let text = String(value, radix: 16)
      return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
    }
    var text = ""
    var previous: ArraySlice<UInt8> = []
    var isElided = false
    for start in stride(from: 0, to: bytes.count, by: 16) {
      let row = bytes[start..<min(start + 16, bytes.count)]
      if row.count == 16, row.elementsEqual(previous) {
        if !isElided { text += "*\n" }
        isElided = true
        continue
      }
      (previous, isElided) = (row, false)
      text += hexadecimal(start, 8) + " "
      for column in 0..<16 {
        if column % 8 == 0 { text += " " }
        text += column < row.count ? hexadecimal(Int(row[start + column]), 2) + " " : "   "
      }
      let letters = row.map { (0x20..<0x7F).contains($0) ? Character(UnicodeScalar($0)) : "." }
      text += " |" + String(letters) + "|\n"
    }
    return text + hexadecimal(bytes.count, 8) + "\n"
  }
}
