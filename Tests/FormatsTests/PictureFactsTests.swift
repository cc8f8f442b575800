import FixresBase
import FixresFormats
import FixresIR
import TestSupport
import Testing

@Suite struct PictureFactsTests {
  private let usual = PictureFacts.Network(channels: 3, usualResolution: Extent(square: 224))

  private func facts(
    _ change: (inout ImportOptions) -> Void = { _ in }, stated: [PictureStatement] = [],
    _ network: PictureFacts.Network? = nil
  ) throws -> PictureFacts {
    var options = ImportOptions()
    change(&options)
    return try PictureFacts(options, stated: stated, network: network ?? usual)
  }

  private func value(_ facts: PictureFacts, _ name: String) -> String? {
    facts.facts.first { $0.name == name }.map { "\($0.value) (\($0.source.rawValue))" }
  }

  private var timm: PictureStatement {
    var statement = PictureStatement(.configuration)
    statement.trainResolution = Extent(square: 176)
    statement.resize = .init(.squash)
    statement.cropShare = 0.95
    statement.testCrop = .init(size: Extent(square: 288), share: 1)
    statement.interpolation = .bicubic
    return statement
  }

  @Test func withoutAStatementEverythingIsAssumed() throws {
    let facts = try facts()
    #expect(facts.preprocessing == .imageNet && facts.trainResolution == Extent(square: 224))
    #expect(
      facts.facts.map(\.name) == [
        "train-resolution", "resize-rule", "crop-share", "filter", "channel-order", "input-scale", "mean",
        "std",
      ])
    #expect(facts.facts.allSatisfy { $0.isAssumption && $0.option?.hasPrefix("--") == true })
  }

  /// Each option changes one fact and keeps the others.
  @Test func anOptionChangesOneFact() throws {
    let before = try facts(stated: [timm])
    let changes: [(name: String, change: (inout ImportOptions) -> Void)] = [
      ("train-resolution", { $0.trainResolution = Extent(square: 192) }),
      ("resize-rule", { $0.preset = .timm }),
      ("crop-share", { $0.cropShare = 0.5 }), ("filter", { $0.interpolation = .box }),
      ("channel-order", { $0.channelOrder = .bgr }), ("input-scale", { $0.inputScale = .byte }),
      ("mean", { $0.mean = [0.1, 0.2, 0.3] }), ("std", { $0.standardDeviation = [1, 2, 3] }),
    ]
    for (name, change) in changes {
      let after = try facts(change, stated: [timm])
      for (old, new) in zip(before.facts, after.facts) {
        #expect(old.name == new.name)
        #expect((old != new) == (new.name == name), "\(name) changes \(new)")
        #expect(new.name != name || new.source == .option)
      }
    }
  }

  @Test func aPresetKeepsAStatedShareAndFilter() throws {
    let kept = try facts({ $0.preset = .torchvision }, stated: [timm]).preprocessing
    #expect(kept.cropShare == 0.95 && kept.interpolation == .bicubic && kept.resizeRule == .shorterSide)
    #expect(kept.testCrop?.share == 1)
    let own = try facts { $0.preset = .timm }
    #expect(own.preprocessing.interpolation == .bicubic && value(own, "filter") == "bicubic (option)")
    let hf = try facts { $0.preset = .huggingFace }.preprocessing
    #expect(hf.cropRounding == .down && hf.squashFrom == 384)
    let second = try facts({ $0.preset = .torchvisionV2 }, stated: [timm])
    #expect(second.preprocessing.resizeSide(for: 224) == 232 && second.preprocessing.testCrop == nil)
    #expect(value(second, "resize-side") == "232 for 224 (option)")
  }

  @Test func aResizeSideIsForTheSizeInUse() throws {
    let first = try facts { $0.resizeSide = 232 }
    #expect(first.preprocessing.cropRatio == .sides(crop: 224, resized: 232))
    let other = try facts {
      ($0.resizeSide, $0.resizeSideAt) = (320, Extent(square: 288))
    }
    #expect(other.preprocessing.cropRatio == .sides(crop: 288, resized: 320))
    #expect(throws: ArchitectureError.self) { try facts { $0.resizeSide = 223 } }
    #expect(throws: ArchitectureError.self) { try facts { ($0.resizeSide, $0.cropShare) = (256, 0.9) } }
  }

  @Test func aStatedCropIsTakenAtEverySize() throws {
    var statement = timm
    statement.resize = .init(.shorterSide, rounding: .down, squashFrom: 384)
    let rule = try facts({ $0.cropShare = 0.5 }, stated: [statement]).preprocessing
    #expect(rule.squashFrom == nil && rule.testCrop == nil && rule.cropRounding == .down)
  }

  @Test func channelsDecideHowManyMeans() throws {
    var grey = usual
    grey.channels = 1
    let facts = try facts(stated: [], grey)
    #expect(facts.preprocessing.mean == [0.449] && facts.preprocessing.channelCount == 1)
    #expect(!facts.facts.contains { $0.name == "channel-order" })
    #expect(throws: ArchitectureError.self) { try self.facts({ $0.mean = [0.1, 0.2, 0.3] }, grey) }
    #expect(try self.facts { $0.mean = [0.5] }.preprocessing.mean == [0.5, 0.5, 0.5])
    // A configuration made for another number of channels is left out, with a note.
    var statement = PictureStatement(.configuration)
    statement.mean = [0.1, 0.2, 0.3]
    let noted = try self.facts(stated: [statement], grey)
    #expect(noted.preprocessing.mean == [0.449] && noted.notes.count == 1)
    var alpha = usual
    alpha.channels = 4
    #expect(try self.facts(stated: [], alpha).preprocessing.mean == [0.485, 0.456, 0.406, 0])
  }

  @Test func kerasNetworksTakeCaffesInput() throws {
    var keras = usual
    keras.isKeras = true
    let facts = try facts(stated: [], keras)
    #expect(facts.preprocessing.channelOrder == .bgr && facts.preprocessing.inputScale == .byte)
    #expect(facts.preprocessing.mean == [103.939, 116.779, 123.68])
    #expect(value(facts, "mean") == "103.939,116.779,123.68 (family)")
    // A stated mean of values in 0...1 says that the network is not one of Keras' own.
    let other = try self.facts({ $0.mean = [0.5, 0.5, 0.5] }, keras)
    #expect(other.preprocessing.channelOrder == .rgb && other.preprocessing.inputScale == .unit)
  }

  @Test func aMeanOfTheOtherScaleIsNoted() throws {
    #expect(try facts { $0.inputScale = .byte }.notes.count == 1)
    #expect(try facts { $0.mean = [123.7, 116.3, 103.5] }.notes.count == 1)
    #expect(
      try facts { ($0.inputScale, $0.mean, $0.standardDeviation) = (.byte, [124, 116, 104], [58, 57, 57]) }
        .notes
        .isEmpty)
  }
}

@Suite struct PictureOptionsOfModelFilesTests {
  private func model(_ metadata: ModelMetadata) throws -> Model {
    let folder = try TemporaryFolder()
    var model = try Importer.load(path: TestData.fixture("architectures/torchvision-basic/model.pth")).model
    model.metadata = metadata
    let path = folder.path + "/model.bin"
    try ModelFile.write(model, to: path)
    var options = ImportOptions()
    (options.preset, options.channelOrder) = (.timm, .bgr)
    return try Importer.load(path: path, options: options).model
  }

  @Test func optionsChangeTheFactsOfAModelFile() throws {
    var metadata = ModelMetadata(architecture: "resnet10w6", trainResolution: Extent(square: 64))
    metadata.preprocessing.cropShare = 0.95
    metadata.facts = [
      Fact("activation", "relu", from: .family), Fact("filter", "bilinear", from: .configuration),
      Fact("crop-share", "0.95", from: .configuration), Fact("channel-order", "rgb", from: .default),
      Fact("labels", "10 names", from: .option),
    ]
    let changed = try model(metadata).metadata
    // The filter is the configuration's, so that the preset states the rule alone.
    #expect(changed.preprocessing.interpolation == .bilinear && changed.preprocessing.cropShare == 0.95)
    #expect(changed.preprocessing.channelOrder == .bgr)
    let sources = Dictionary(uniqueKeysWithValues: changed.facts.map { ($0.name, $0.source) })
    #expect(sources["channel-order"] == .option && sources["resize-rule"] == .option)
    #expect(
      sources["filter"] == .configuration && sources["activation"] == .family && sources["labels"] == .option)
  }

  @Test func aFilterThatWasAssumedFollowsThePreset() throws {
    var metadata = ModelMetadata(architecture: "resnet10w6", trainResolution: Extent(square: 64))
    metadata.assumptions = ["pictures: shorter side to 256/224 of the crop, bilinear, centre crop"]
    #expect(try model(metadata).metadata.preprocessing.interpolation == .bicubic)
  }
}
