import FixresBase
import FixresIR

extension OnnxImporter {
  /// The key under which `export` keeps a model's whole metadata.
  static let metadataKey = "fixresc.metadata"

  /// What is known of the model: what `export` wrote, or ImageNet's ways, which are named as assumed.
  mutating func metadata(_ built: Graph) throws(FormatError) -> ModelMetadata {
    var metadata: ModelMetadata
    let kept = model.properties.first { $0.key == Self.metadataKey }.flatMap {
      try? ModelMetadata(json: Bytes(Array($0.value.utf8)))
    }
    let classes = built.output(GraphOutput.logits).map { built[$0].type.elementCount } ?? 0
    if let kept {
      metadata = kept
      // Somebody may have changed the classifier since.
      if !kept.labels.isEmpty, kept.labels.count != classes { (metadata.labels, metadata.synsets) = ([], []) }
    } else {
      metadata = ModelMetadata(architecture: Self.architecture(of: built) ?? "resnet (ONNX)")
      metadata.trainResolution = built.resolution
      if options.trainResolution == nil {
        assumed.append("trained at \(built.resolution), the size of the export")
      }
      assumed.append("pictures: shorter side to 256/224 of the crop, bilinear, centre crop")
      if options.mean == nil { assumed.append("mean 0.485, 0.456, 0.406 (ImageNet's)") }
      if options.standardDeviation == nil {
        assumed.append("standard deviation 0.229, 0.224, 0.225 (ImageNet's)")
      }
    }
    if let size = options.trainResolution { metadata.trainResolution = size }
    if let mean = options.mean { metadata.preprocessing.mean = mean }
    if let std = options.standardDeviation { metadata.preprocessing.standardDeviation = std }
    if let labels = options.labels {
      let read = try LabelFile.read(labels, classes: classes)
      (metadata.labels, metadata.synsets) = (read.labels, read.synsets)
    }
    let source = model.producer.isEmpty ? "ONNX" : "ONNX of \(model.producer.prefix(64))"
    if kept == nil { metadata.source = source }
    metadata.assumptions += assumed
    metadata.history.append(
      HistoryEntry(
        "import",
        [
          .init("source", source), .init("opset", "\(model.opset)"),
          .init("resolution", "\(built.resolution)"),
        ]))
    return metadata
  }

  /// The usual name of a network of ImageNet's form, by its blocks; nil for any other.
  private static func architecture(of graph: Graph) -> String? {
    var stages: [(channels: Int, blocks: Int)] = []
    var convolutions: [(op: Conv2D, weight: [Int])] = []
    for node in graph.nodes {
      switch node.op {
      case .add:
        let channels = graph[node.result].type.channels
        if stages.last?.channels == channels {
          stages[stages.count - 1].blocks += 1
        } else {
          stages.append((channels, 1))
        }
      case .conv2d(let op): convolutions.append((op, graph[node.operands[1]].type.dims))
      case .channelMultiply, .channelPad, .stridedSlice: return nil
      default: break
      }
    }
    let depths = stages.map(\.blocks)
    let blocks = depths.reduce(0, +)
    switch stages.map(\.channels) {
    case [64, 128, 256, 512] where convolutions.count == 1 + 2 * blocks + 3:
      return [[2, 2, 2, 2]: "resnet18", [3, 4, 6, 3]: "resnet34"][depths]
    case [256, 512, 1024, 2048] where convolutions.count == 1 + 3 * blocks + 4:
      let spatial = convolutions.filter { $0.weight[2] == 3 }
      guard let first = spatial.first, spatial.count == blocks,
        let depth = [[3, 4, 6, 3]: 50, [3, 4, 23, 3]: 101, [3, 8, 36, 3]: 152][depths]
      else { return nil }
      // With three strides in the 3x3 convolutions the network is of v1.5.
      let version = spatial.count { $0.op.strides != Extent(1, 1) } == 3 ? "" : "_v1"
      switch (first.op.groups, first.weight[0]) {
      case (1, 64): return "resnet\(depth)" + version
      case (1, 128): return "wide_resnet\(depth)_2" + version
      case (let groups, let width) where groups > 1 && width % groups == 0:
        return "resnext\(depth)_\(groups)x\(width / groups)d" + version
      default: return nil
      }
    default: return nil
    }
  }
}
