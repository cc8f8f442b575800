import FixresBase
import FixresIR
import TestSupport
import Testing

@Suite struct ModelFileTests {
  /// A network of one convolution, a pool and a classifier, with odd names and seeded weights.
  static func smallModel() throws -> Model {
    var random = SeededRandom(seed: 7)
    var builder = GraphBuilder(name: "small net")
    var constants = Constants()
    func tensor(_ shape: [Int]) -> Tensor {
      Tensor(shape: shape, (0..<shape.reduce(1, *)).map { _ in random.nextFloat() - 0.5 })
    }
    let input = try builder.input("input", .image(3, 8, 8))
    let weight = try builder.constant("conv weight \"0\"", shape: [5, 3, 3, 3])
    let bias = try builder.constant("conv.bias", shape: [5])
    let conv = try builder.append(
      .conv2d(Conv2D(strides: Extent(2, 2), padding: Padding(1), hasBias: true, activation: .relu)),
      [input, weight, bias], name: "conv")
    let pool = try builder.append(.globalAveragePool(GlobalAveragePool()), [conv], name: "avgpool")
    let flat = try builder.append(.flatten(Flatten()), [pool], name: "flatten")
    let classifier = try builder.constant("fc.weight", shape: [2, 5])
    let logits = try builder.append(.linear(Linear(hasBias: false)), [flat, classifier], name: "fc")
    try builder.output(GraphOutput.logits, logits)
    try builder.output(GraphOutput.features, flat)
    let graph = builder.build()
    for constant in graph.constants {
      constants[graph[constant].name] = tensor(graph[constant].type.dims)
    }
    var preprocessing = Preprocessing(resizeRule: .squash, interpolation: .bicubic, cropShare: 0.95)
    preprocessing.squashFrom = 384
    var metadata = ModelMetadata(
      architecture: "small", trainResolution: Extent(8, 9), preprocessing: preprocessing,
      labels: ["café", "b"], synsets: ["n1", "n2"], source: "test", assumptions: ["epsilon 1e-05"],
      history: [HistoryEntry("import", [.init("from", "a file"), .init("empty", "")])])
    metadata.facts = Fact.Source.allCases.map { Fact("activation", "relu", from: $0, option: "--x \($0)") }
    metadata.facts.append(Fact("pool", "gem:3", from: .weights))
    metadata.outputs = .sigmoid
    return try Model(graph: graph, constants: constants, metadata: metadata)
  }

  @Test func everyFactOfPicturesIsReadBack() throws {
    var model = try Self.smallModel()
    for ratio in [Preprocessing.CropRatio.share(0.9), .sides(crop: 224, resized: 232)] {
      for mean in [[0.5], [1, 2, 3], [4, 5, 6, 7]] as [[Float]] {
        var rule = Preprocessing(
          resizeRule: .exact, interpolation: .box, mean: mean, standardDeviation: mean.map { $0 + 1 })
        rule.cropRatio = ratio
        rule.testCrop = .init(size: Extent(288, 320), share: 1)
        (rule.cropRounding, rule.channelOrder, rule.inputScale) = (.down, .bgr, .byte)
        model.metadata.preprocessing = rule
        #expect(try ModelFile.read(Bytes(Self.fileBytes(of: model))) == model)
      }
    }
  }

  /// Files with nothing new to say are those of the first release.
  @Test func membersAreAddedOnlyWhereTheySaySomethingElse() throws {
    let json = ModelMetadata(architecture: "a").json(testResolution: Extent(square: 8))
    let names = json["preprocessing"]?.objectValue?.members.map(\.key)
    #expect(names == ["resize_rule", "interpolation", "crop_share", "squash_from", "mean", "std"])
  }

  static func fileBytes(of model: Model) throws -> [UInt8] {
    let folder = try TemporaryFolder()
    let path = folder.path + "/model.bin"
    try ModelFile.write(model, to: path)
    return try MappedFile.open(path).array
  }

  @Test func onlyFactsOfTheFamilyAndDefaultsAreAssumptions() {
    let assumed = Fact.Source.allCases.filter { Fact("a", "b", from: $0).isAssumption }
    #expect(assumed == [.family, .default])
  }

  @Test func readsBackWhatWasWritten() throws {
    let model = try Self.smallModel()
    let bytes = try Self.fileBytes(of: model)
    #expect(try ModelFile.read(Bytes(bytes)) == model)
    #expect(try Self.fileBytes(of: model) == bytes, "writing must be deterministic")
  }

  @Test func constantsLieOnMultiplesOf64() throws {
    let bytes = Bytes(try Self.fileBytes(of: try Self.smallModel()))
    let model = try ModelFile.read(bytes)
    for constant in model.graph.constants {
      let tensor = try #require(model.constants[model.graph[constant].name])
      #expect(tensor.bytes.offset % 64 == 0)
      #expect(tensor.bytes.storage === bytes.storage, "constants are read in place")
    }
  }

  @Test("row 3 and 17: every prefix is refused") func everyPrefixIsRefused() throws {
    let bytes = try Self.fileBytes(of: try Self.smallModel())
    for count in 0..<bytes.count {
      #expect(throws: IRError.self, "prefix of \(count)") {
        try ModelFile.read(Bytes(Array(bytes[..<count])))
      }
    }
    #expect(throws: IRError.self) { try ModelFile.read(Bytes(bytes + [0])) }
  }

  @Test("row 4 and 17: every bit flip is refused or lies in padding")
  func everyBitFlipIsRefusedOrLiesInPadding() throws {
    let model = try Self.smallModel()
    var bytes = try Self.fileBytes(of: model)
    var accepted = 0
    for index in bytes.indices {
      for bit in 0..<8 {
        bytes[index] ^= 1 << bit
        if let read = try? ModelFile.read(Bytes(bytes)) {
          accepted += 1
          #expect(read == model, "bit \(bit) of byte \(index) changed the model unnoticed")
        }
        bytes[index] ^= 1 << bit
      }
    }
    // Only the zeros between sections are outside every checksum.
    #expect(accepted < 3 * 63 * 8)
  }

  @Test("row 17: names the fault") func namesTheFault() throws {
    let good = try Self.fileBytes(of: try Self.smallModel())
    func fault(_ change: (inout [UInt8]) -> Void, resealed: Bool = true) -> IRError? {
      var bytes = good
      change(&bytes)
      if resealed { Self.reseal(&bytes) }
      do throws(IRError) {
        _ = try ModelFile.read(Bytes(bytes))
        return nil
      } catch {
        return error
      }
    }
    #expect(fault { $0[8] = 2 } == .modelFile(section: "header", .newerVersion(found: 2, supported: 1)))
    #expect(fault { $0[0] = 0 } == .modelFile(section: "header", .notAModelFile))
    #expect(
      fault { $0.replaceSubrange(32..<36, with: Array("GRPX".utf8)) }
        == .modelFile(section: "GRPX", .unknownRequired))
    #expect(
      fault { $0.replaceSubrange(64..<68, with: Array("GRPH".utf8)) }
        == .modelFile(section: "GRPH", .duplicate))
    #expect(fault { $0[40] = 129 } == .modelFile(section: "GRPH", .misaligned(offset: 129)))
    if case .modelFile(section: "META", .outOfRange)? = fault({ $0[64 + 16 + 7] = 0xFF }) {
    } else {
      Issue.record("an absurd length must be out of range")
    }
    if case .modelFile(section: "CNST", .checksum)? = fault({ $0[$0.count - 1] ^= 1 }) {
    } else {
      Issue.record("changed constants must fail their checksum")
    }
  }

  /// Recomputes the checksums of the header and the table, so that a fault behind them is reached.
  static func reseal(_ bytes: inout [UInt8]) {
    func put(_ sum: UInt32, at offset: Int) {
      for byte in 0..<4 { bytes[offset + byte] = UInt8(truncatingIfNeeded: sum >> (8 * byte)) }
    }
    let count = Int(bytes[12])
    put(bytes[32..<(32 + count * 32)].withUnsafeBytes { CRC32C.checksum($0) }, at: 24)
    put(bytes[0..<28].withUnsafeBytes { CRC32C.checksum($0) }, at: 28)
  }

  @Test func aNewerMinorVersionAndUnknownOptionalSectionsAreAccepted() throws {
    let model = try Self.smallModel()
    var bytes = try Self.fileBytes(of: model)
    bytes[10] = 9
    Self.reseal(&bytes)
    #expect(try ModelFile.read(Bytes(bytes)) == model)
  }

  @Test func writingAndReadingVerifyOnce() throws {
    let model = try Self.smallModel()
    let folder = try TemporaryFolder()
    let path = folder.path + "/model.bin"
    let writing = try WorkTally.counting { try ModelFile.write(model, to: path) }
    #expect(writing.isEmpty)
    let opening = try WorkTally.counting { _ = try ModelFile.open(path) }
    #expect(opening == [.graphVerification: 1])
  }
}
