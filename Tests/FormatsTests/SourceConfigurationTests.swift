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
    #expect(result.assumed.isEmpty)
    #expect(metadata.trainResolution == Extent(160, 192))
    #expect(
      metadata.preprocessing
        == Preprocessing(
          resizeRule: .longerSide, interpolation: .bicubic, cropShare: 0.95, mean: [0.5, 0.4, 0.3],
          standardDeviation: [0.25, 0.5, 1]))
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
    #expect(result.assumed.isEmpty)
    #expect(metadata.trainResolution == Extent(square: 192))
    #expect(
      metadata.preprocessing
        == Preprocessing(
          interpolation: .bicubic, cropShare: 0.875, squashFrom: 384, mean: [0.1, 0.2, 0.3],
          standardDeviation: [0.4, 0.5, 0.6]))
    #expect(metadata.labels[7] == "label 7")
  }

  @Test func processorsOfOtherKindsAreRead() throws {
    let cropped = try load(
      Self.huggingFace(),
      processor:
        #"{"size": {"shortest_edge": 256}, "crop_size": {"height": 224, "width": 224}, "resample": 2}"#)
    #expect(cropped.model.metadata.trainResolution == Extent(square: 224))
    #expect(cropped.model.metadata.preprocessing.resizeSide(for: 224) == 256)
    let squashed = try load(
      Self.huggingFace(), processor: #"{"size": {"height": 128, "width": 96}, "do_normalize": false}"#)
    #expect(squashed.model.metadata.trainResolution == Extent(128, 96))
    #expect(squashed.model.metadata.preprocessing.resizeRule == .squash)
    #expect(squashed.model.metadata.preprocessing.standardDeviation == [1, 1, 1])
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
    #"{"architecture": "resnetblur18"}"#, #"{"architecture": "ecaresnet26t"}"#,
    #"{"architecture": "resnet10", "model_args": {"act_layer": "silu"}}"#,
    #"{"architecture": "resnet10", "model_args": {"aa_layer": "avg"}}"#,
    #"{"architecture": "resnet10", "model_args": {"output_stride": 8}}"#,
    #"{"architecture": "resnet10", "global_pool": "max"}"#,
    #"{"model_type": "resnet", "hidden_act": "gelu"}"#,
  ])
  func variantsWithoutATraceInTheWeightsAreRefused(_ config: String) throws {
    let error = architectureError { _ = try load(config) }
    guard case .unsupported = error else {
      Issue.record("\(config): \(String(describing: error))")
      return
    }
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
