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
      metadata = ModelMetadata(architecture: "resnet (ONNX)")
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
}
