import FixresBase
import FixresFormats
import FixresIR
import TestSupport
import Testing

@Suite struct SourceConfigurationTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Imports the basic fixture beside the given configuration files.
  private func load(_ config: String, processor: String? = nil) throws -> ImportResult {
    let tensors = try NamedTensors(fixture: "torchvision-basic")
    _ = try folder.write(config, "config.json")
    if let processor { _ = try folder.write(processor, "preprocessor_config.json") }
    return try Importer.load(path: try folder.write(tensors.safetensors, "model.safetensors"))
  }

  private static let timm = """
    {"architecture": "resnet10", "num_classes": 10, "global_pool": "avg", "label_names":
      ["n01440764","n02102040","n02979186","n03000684","n03028079","n03394916","n03417042","n03425413","n03445777","n03888257"],
     "label_descriptions": {"n01440764": "tench","n02102040": "b","n02979186": "c","n03000684": "d","n03028079": "e",
      "n03394916": "f","n03417042": "g","n03425413": "h","n03445777": "i","n03888257": "j"},
     "pretrained_cfg": {"input_size": [3, 160, 192], "test_input_size": [3, 288, 288], "test_crop_pct": 1.0,
      "crop_pct": 0.95, "crop_mode": "border", "interpolation": "bicubic", "mean": [0.5, 0.4, 0.3], "std": [0.25, 0.5, 1],
      "pool_size": [5, 6], "first_conv": "conv1", "classifier": "fc", "license": "mit"}}
    """

  @Test func timmSettlesEverything() throws {
    let result = try load(Self.timm)
    let metadata = result.model.metadata
    #expect(result.openFacts.isEmpty)
    #expect(metadata.trainResolution == Extent(160, 192))
    var expected = Preprocessing(
      resizeRule: .longerSide, interpolation: .bicubic, cropShare: 0.95, mean: [0.5, 0.4, 0.3],
      standardDeviation: [0.25, 0.5, 1])
    expected.testCrop = .init(size: Extent(square: 288), share: 1)
    #expect(metadata.preprocessing == expected)
    #expect(metadata.labels.first == "tench" && metadata.synsets.last == "n03888257")
    #expect(result.notes.contains { $0.contains("288") })
  }

  private static func huggingFace(_ more: String = "") -> String {
    let labels = (0..<10).map { "\"\($0)\": \"label \($0)\"" }.joined(separator: ", ")
    return """
      {"architectures": ["ResNetForImageClassification"], "model_type": "resnet", "depths": [1, 1, 1, 1],
       "hidden_sizes": [6, 12, 24, 48], "layer_type": "basic", "hidden_act": "relu", "id2label": {\(labels)},
       "downsample_in_first_stage": false\(more)}
      """
  }

  @Test func huggingFaceSettlesEverything() throws {
    let processor = """
      {"crop_pct": 0.875, "do_normalize": true, "do_resize": true, "feature_extractor_type": "ConvNextFeatureExtractor",
       "image_mean": [0.1, 0.2, 0.3], "image_std": [0.4, 0.5, 0.6], "resample": 3, "size": 192}
      """
    let result = try load(Self.huggingFace(), processor: processor)
    let metadata = result.model.metadata
    #expect(result.openFacts.isEmpty)
    #expect(metadata.trainResolution == Extent(square: 192))
    var expected = Preprocessing(
      interpolation: .bicubic, cropShare: 0.875, squashFrom: 384, mean: [0.1, 0.2, 0.3],
      standardDeviation: [0.4, 0.5, 0.6])
    expected.cropRounding = .down
    #expect(metadata.preprocessing == expected)
    #expect(metadata.labels[7] == "label 7")
  }

  private struct Processor: Sendable {
    let json: String
    let size: Int?
    let rule: Preprocessing.ResizeRule
    /// K_img at 224.
    let side: Int
    var holds: @Sendable (Preprocessing) -> Bool = { _ in true }
  }

  private static let processors = [
    Processor(
      json: #"{"size": {"shortest_edge": 256}, "crop_size": {"height": 224, "width": 224}, "resample": 2}"#,
      size: 224, rule: .shorterSide, side: 256),
    Processor(
      json: #"{"size": {"height": 128, "width": 128}, "do_normalize": false}"#, size: 128, rule: .squash,
      side: 224,
      holds: { $0.mean == [0, 0, 0] && $0.standardDeviation == [1, 1, 1] }),
    // A lone number is both sides for ViT's processor and the shorter one for CLIP's.
    Processor(
      json: #"{"feature_extractor_type": "ViTFeatureExtractor", "size": 192}"#, size: 192, rule: .squash,
      side: 224,
      holds: { $0.interpolation == .bilinear && $0.mean == [0.5, 0.5, 0.5] }),
    Processor(
      json: #"{"image_processor_type": "CLIPImageProcessorFast", "size": 240}"#, size: 224,
      rule: .shorterSide,
      side: 240, holds: { $0.interpolation == .bicubic && $0.mean[0] == 0.48145466 }),
    Processor(
      json:
        #"{"image_processor_type": "BitImageProcessorPil", "do_rescale": false, "image_mean": [9, 8, 7]}"#,
      size: 224, rule: .shorterSide, side: 224, holds: { $0.inputScale == .byte && $0.mean == [9, 8, 7] }),
    Processor(
      json:
        #"{"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 224}, "crop_pct": 0.95}"#,
      size: 224, rule: .shorterSide, side: 235,
      holds: { $0.squashFrom == 384 && $0.cropRounding == .down && $0.interpolation == .bicubic }),
    Processor(
      json: #"{"image_processor_type": "PoolFormerImageProcessor", "size": {"shortest_edge": 224}}"#,
      size: 224, rule: .shorterSide, side: 248, holds: { $0.squashFrom == nil }),
    Processor(
      json: #"{"image_processor_type": "LevitImageProcessor", "resample": "bilinear"}"#, size: 224,
      rule: .shorterSide, side: 256, holds: { $0.interpolation == .bilinear }),
    Processor(
      json:
        #"{"do_resize": false, "crop_size": 160, "rescale_factor": 1, "image_std": 2, "image_mean": [1, 2, 3]}"#,
      size: 160, rule: .unscaled, side: 224,
      holds: { $0.inputScale == .byte && $0.standardDeviation == [2, 2, 2] }),
    Processor(json: #"{"do_resize": false, "do_center_crop": false}"#, size: nil, rule: .exact, side: 224),
    Processor(
      json: #"{"size": 224, "do_flip_channel_order": true, "do_center_crop": true, "crop_size": 224}"#,
      size: 224,
      rule: .shorterSide, side: 224, holds: { $0.channelOrder == .bgr }),
    // x / 127.5 - 1 is (x / 255 - 0.5) / 0.5.
    Processor(
      json: #"{"rescale_factor": 0.00784313725490196, "image_mean": [1, 1, 1], "image_std": [1, 1, 1]}"#,
      size: nil,
      rule: .shorterSide, side: 256,
      holds: { abs($0.mean[0] - 0.5) < 1e-6 && abs($0.standardDeviation[2] - 0.5) < 1e-6 }),
  ]

  @Test(arguments: processors.indices)
  func everyProcessorIsRead(_ index: Int) throws {
    let expected = Self.processors[index]
    let metadata = try load(Self.huggingFace(), processor: expected.json).model.metadata
    let rule = metadata.preprocessing
    if let size = expected.size {
      #expect(metadata.trainResolution == Extent(square: size), "\(expected.json)")
    }
    #expect(
      rule.resizeRule == expected.rule && rule.resizeSide(for: 224) == expected.side, "\(expected.json)")
    #expect(expected.holds(rule), "\(expected.json): \(rule)")
  }

  @Test(arguments: [
    #"{"size": {"shortest_edge": 192}, "crop_size": 224}"#, #"{"do_pad": true}"#, #"{"include_top": true}"#,
    #"{"rescale_offset": true}"#, #"{"size": {"height": 256, "width": 200}, "crop_size": 128}"#,
    #"{"size": {"shortest_edge": 224, "longest_edge": 400}}"#, #"{"do_center_crop": true}"#,
    #"{"image_processor_type": "ConvNextImageProcessor", "size": 224, "do_center_crop": true, "crop_size": 192}"#,
  ])
  func stepsThatCannotBeTakenAreRefused(_ processor: String) {
    #expect(throws: FormatError.self) { _ = try load(Self.huggingFace(), processor: processor) }
  }

  @Test func aProcessorWithoutACropIsNoted() throws {
    let result = try load(Self.huggingFace(), processor: #"{"size": {"shortest_edge": 224}}"#)
    #expect(result.model.metadata.preprocessing.resizeSide(for: 224) == 224)
    #expect(result.notes.contains { $0.contains("does not crop") })
  }

  @Test func timmsTestShareAtTheSizeOfTrainingIsNoted() throws {
    let result = try load(
      #"{"architecture": "resnet10", "pretrained_cfg": {"input_size": [3, 64, 64], "crop_pct": 0.9, "test_crop_pct": 1.0}}"#
    )
    #expect(result.model.metadata.preprocessing.resizeSide(for: 64) == 71)
    #expect(result.model.metadata.preprocessing.interpolation == .bicubic, "timm's own default")
    #expect(result.notes.contains { $0.contains("--crop-share 1.0") })
  }

  @Test func aStrideInTheFirstConvolutionComesFromTheConfiguration() throws {
    let fixture = TestData.fixture("architectures/huggingface-bottleneck-v1/model.pth")
    let graph = try Importer.load(path: fixture).model.graph
    func stride(_ name: String) throws -> Extent {
      let value = try #require(graph.value(named: name))
      let node = try #require(graph.nodes.first { $0.result == value })
      guard case .conv2d(let op) = node.op else { throw FormatError.noTensors(path: name, entries: []) }
      return op.strides
    }
    #expect(try stride("layer1.0.conv1") == Extent(square: 2))
    #expect(try stride("layer2.0.conv1") == Extent(square: 2))
    #expect(try stride("layer2.0.conv2") == Extent(square: 1))
    #expect(try stride("layer2.1.conv1") == Extent(square: 1))
  }

  @Test(arguments: [
    #"{"architecture": "ecaresnet26t"}"#, #"{"architecture": "resnet50_gn"}"#,
    #"{"architecture": "resnet10", "model_args": {"act_layer": "selu"}}"#,
    #"{"architecture": "resnet10", "model_args": {"aa_layer": "blurpc"}}"#,
    #"{"architecture": "resnet10", "model_args": {"norm_layer": "groupnorm"}}"#,
    #"{"architecture": "resnet10", "global_pool": "token"}"#,
    #"{"model_type": "resnet", "hidden_act": "selu"}"#,
  ])
  func variantsWithoutATraceInTheWeightsAreRefused(_ config: String) throws {
    let error = architectureError { _ = try load(config) }
    guard case .unsupported = error else {
      Issue.record("\(config): \(String(describing: error))")
      return
    }
  }

  @Test(arguments: [
    (#"{"architecture": "resnetblur10"}"#, "anti-alias", "blur3"),
    (#"{"architecture": "resnet10", "model_args": {"act_layer": "silu"}}"#, "activation", "silu"),
    (#"{"architecture": "resnet10", "model_args": {"aa_layer": "avg"}}"#, "anti-alias", "avg2"),
    (#"{"architecture": "resnet10", "model_args": {"output_stride": 8}}"#, "strides", "1,2,1,1"),
    (#"{"architecture": "resnet10", "model_args": {"output_stride": 8}}"#, "dilations", "1,1,2,4"),
    (#"{"architecture": "resnet10", "global_pool": "max"}"#, "pool", "max"),
    (#"{"architecture": "resnet10", "model_args": {"global_pool": "fastavgmax"}}"#, "pool", "avgmax"),
    (#"{"model_type": "resnet", "hidden_act": "gelu"}"#, "activation", "gelu/relu"),
    (#"{"model_type": "resnet", "problem_type": "multi_label_classification"}"#, "outputs", "sigmoid"),
  ])
  func whatAConfigurationStatesIsBuilt(_ config: String, _ name: String, _ value: String) throws {
    let result = try load(config)
    let fact = try #require(result.model.metadata.facts.first { $0.name == name })
    #expect(fact.value == value && fact.source == .configuration)
    #expect(!result.openFacts.contains { $0.name.rawValue == name })
  }

  @Test(arguments: [
    #"{"architecture": "resnet50"}"#, #"{"model_type": "resnet", "depths": [3, 4, 6, 3]}"#,
  ])
  func aConfigurationOfAnotherNetworkIsRefused(_ config: String) throws {
    let error = architectureError { _ = try load(config) }
    guard case .mismatch = error else {
      Issue.record("\(config): \(String(describing: error))")
      return
    }
  }

  @Test(arguments: [
    #"{"architecture": "resnet10", "crop_pct": 0}"#, #"{"architecture": "resnet10", "crop_pct": "big"}"#,
    #"{"architecture": "resnet10", "mean": [0.1, 0.2]}"#,
    #"{"architecture": "resnet10", "std": [0.1, 0, 0.2]}"#,
    #"{"architecture": "resnet10", "input_size": [3, 0, 224]}"#,
    #"{"architecture": "resnet10", "input_size": [3, 224, 99999]}"#,
    #"{"architecture": "resnet10", "interpolation": "cubicle"}"#,
    #"{"architecture": "resnet10", "crop_mode": "left"}"#,
    #"{"model_type": "resnet", "id2label": {"0": "a", "2": "b"}}"#,
    #"{"model_type": "resnet", "depths": [1.5]}"#,
  ])
  func impossibleValuesAreNamedWithTheirKey(_ config: String) throws {
    let error = architectureError { _ = try load(config) }
    guard case .invalidConfiguration(let path, _, _, _) = error else {
      Issue.record("\(config): \(String(describing: error))")
      return
    }
    #expect(path.hasSuffix("/config.json"))
  }

  @Test func otherFilesCalledConfigurationAreLeftAlone() throws {
    #expect(try load(#"{"model_type": "vit"}"#).architecture == "resnet10w6")
    #expect(try load("[1, 2]").architecture == "resnet10w6")
    #expect(throws: FormatError.self) { _ = try load("{") }
  }

  @Test func labelsOfAnotherCountAreNotUsed() throws {
    let result = try load(#"{"model_type": "resnet", "id2label": {"0": "a", "1": "b"}}"#)
    #expect(result.model.metadata.labels.isEmpty)
    #expect(result.notes.contains { $0.contains("2 classes") })
  }
}
