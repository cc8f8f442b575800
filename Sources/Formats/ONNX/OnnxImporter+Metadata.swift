import FixresBase
import FixresIR

extension OnnxImporter {
  /// The key in `metadata_props` under which `OnnxExporter` writes a model's whole metadata.
  static let metadataKey = "fixresc.metadata"

  /// The model's metadata: as `OnnxExporter` wrote it; else from options and `config.json`, with the usual
  /// values of ImageNet listed as assumed.
  mutating func metadata(
    _ built: Graph, outputs: Int, _ output: OnnxOutput
  ) throws(FormatError) -> ModelMetadata {
    if outputs > 1 {
      notes.append(
        "of \(outputs) outputs \(output.name.debugDescription) was taken as the logits; --graph-output takes another"
      )
    }
    if !output.passedOver.isEmpty {
      let operators = output.passedOver.reversed().joined(separator: ", ")
      notes.append("\(operators) at the end \(output.passedOver.count == 1 ? "is" : "are") passed over")
    }
    let kept = model.properties.first { $0.key == Self.metadataKey }.flatMap {
      try? ModelMetadata(json: Bytes(Array($0.value.utf8)))
    }
    var metadata = if let kept { try renewed(kept, built) } else { try described(built) }
    let source = model.producer.isEmpty ? "ONNX" : "ONNX of \(model.producer.prefix(64))"
    if kept == nil { metadata.source = source }
    if let meaning { metadata.outputs = meaning }
    if kept == nil {
      metadata.facts.append(
        Fact(
          "outputs", metadata.outputs.rawValue, from: meaning == nil ? .default : .program,
          option: "--outputs"))
    }
    metadata.assumptions += assumed.filter { !metadata.assumptions.contains($0) }
    metadata.history.append(
      HistoryEntry(
        "import",
        [
          .init("source", source), .init("opset", "\(model.opset)"),
          .init("resolution", "\(built.resolution)"),
        ]))
    return metadata
  }

  private func classes(_ built: Graph) -> Int {
    built.output(GraphOutput.logits).map { built[$0].type.elementCount } ?? 0
  }

  /// The metadata that `OnnxExporter` wrote, with the facts that options state.
  private mutating func renewed(_ kept: ModelMetadata, _ built: Graph) throws(FormatError) -> ModelMetadata {
    var metadata = kept
    // Another program may have replaced the classifier since.
    if !kept.labels.isEmpty, kept.labels.count != classes(built) {
      (metadata.labels, metadata.synsets) = ([], [])
    }
    do {
      notes += try PictureFacts.restate(&metadata, of: built, options)
    } catch {
      throw .architecture(path: path, error)
    }
    if let labels = options.labels {
      (metadata.labels, metadata.synsets) = try LabelFile.read(labels, classes: classes(built))
    }
    return metadata
  }

  /// The metadata of a model of another exporter.
  private mutating func described(_ built: Graph) throws(FormatError) -> ModelMetadata {
    var metadata = ModelMetadata(architecture: OnnxNetworkName.name(of: built) ?? "resnet (ONNX)")
    metadata.trainResolution = options.trainResolution ?? configuration?.trainResolution
    if metadata.trainResolution == nil {
      metadata.trainResolution = built.resolution
      assumed.append("trained at \(built.resolution), the size of the export")
    }
    var kind = PictureFacts.Network(
      channels: built.imageInput?.type.dims.first ?? 3, usualResolution: built.resolution)
    kind.isKeras = ["tf2onnx", "keras2onnx"].contains { model.producer.hasPrefix($0) }
    let pictures: PictureFacts
    do {
      let statement = normalization?.statement
      if let statement {
        let scale = statement.inputScale?.rawValue ?? 1
        notes.append("the graph normalises its input: pictures are given as values of 0 to \(scale)")
      }
      pictures = try options.pictures(configuration, stated: [statement].compactMap(\.self), network: kind)
    } catch {
      throw .architecture(path: path, error)
    }
    metadata.preprocessing = pictures.preprocessing
    metadata.facts += pictures.facts
    assumed += pictures.sentences
    notes += pictures.notes
    (metadata.labels, metadata.synsets) = try options.labels(
      configuration, classes: classes(built), notes: &notes)
    return metadata
  }
}
