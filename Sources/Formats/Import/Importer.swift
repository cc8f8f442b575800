import FixresBase
import FixresIR

/// Reads any supported file as a model: a `.bin` as it is, an ONNX model by its nodes, a checkpoint by its
/// names.
package enum Importer {
  /// Reads the file at `path` as a model; a checkpoint gives an unfused graph at its training resolution.
  ///
  /// - Throws: `FormatError`, for a file or options that give no model.
  package static func load(
    path: String, options: ImportOptions = .init()
  ) throws(FormatError) -> ImportResult {
    do { try options.validate() } catch { throw .architecture(path: path, error) }
    return try load(try SourceFile.open(path), options: options)
  }

  /// Reads `file` as a model, with the reader of its kind.
  ///
  /// - Throws: `FormatError`, for a file or options that give no model.
  package static func load(
    _ file: SourceFile, options: ImportOptions = .init()
  ) throws(FormatError) -> ImportResult {
    let path = file.path
    do { try options.validate() } catch { throw .architecture(path: path, error) }
    if options.graphOutput != nil, file.kind != .onnx {
      throw .architecture(
        path: path,
        .invalidOption(name: "--graph-output", expected: "an ONNX model", found: "another file"))
    }
    var result =
      switch file.kind {
      case .fixresModel: try loadModelFile(file, options: options)
      case .onnx: try OnnxImporter.load(file.bytes, path: path, options: options)
      default: try loadCheckpoint(file, options: options)
      }
    if file.kind == .fixresModel || file.kind == .onnx, let outputs = options.outputs {
      state(outputs, of: &result.model)
    }
    if let finetuned = options.finetuned { try lay(finetuned, options, over: &result) }
    return result
  }

  /// Lays the fine-tuned parameters of the file `finetuned` over the model, and over every model that is rebuilt.
  private static func lay(
    _ finetuned: String, _ options: ImportOptions, over result: inout ImportResult
  ) throws(FormatError) {
    let overlay = try FineTunedOverlay.apply(finetuned, to: &result.model, ignore: options.ignore)
    result.notes += overlay.notes
    result.ignored += overlay.ignored
    guard let rebuild = result.rebuild else { return }
    result.rebuild = { (facts, size) throws(FormatError) in
      var other = try rebuild(facts, size)
      try lay(finetuned, options, over: &other)
      return other
    }
  }

  /// States what the scores of a program or of a stored model mean.
  private static func state(_ outputs: OutputMeaning, of model: inout Model) {
    model.metadata.outputs = outputs
    let name = NetworkFact.Name.outputs
    model.metadata.facts.removeAll { $0.name == name.rawValue }
    model.metadata.facts.append(Fact(name.rawValue, outputs.text, from: .option, option: name.option))
  }

  // MARK: .bin

  private static func loadModelFile(
    _ file: SourceFile, options: ImportOptions
  ) throws(FormatError) -> ImportResult {
    let path = file.path
    if let option = options.checkpointOnly.first {
      throw .architecture(
        path: path,
        .invalidOption(name: option, expected: "a checkpoint", found: "a .bin, which is already settled"))
    }
    var model: Model
    do { model = try ModelFile.read(file.bytes) } catch { throw .model(path: path, error) }
    let notes: [String]
    do {
      notes = try PictureFacts.restate(&model.metadata, of: model.graph, options)
    } catch {
      throw .architecture(path: path, error)
    }
    if let labels = options.labels {
      let read = try LabelFile.read(labels, classes: model.classCount)
      model.metadata.labels = read.labels
      model.metadata.synsets = read.synsets
    }
    return ImportResult(
      model: model, architecture: model.metadata.architecture, assumed: model.metadata.assumptions,
      wrapper: nil, parameters: ImportResult.parameterCount(of: model.graph), ignored: [], notes: notes)
  }

  // MARK: Checkpoints

  private static func loadCheckpoint(
    _ file: SourceFile, options: ImportOptions
  ) throws(FormatError) -> ImportResult {
    let checkpoint = try Checkpoint.read(file, key: options.key, ignore: options.ignore)
    let configuration = try SourceConfiguration.beside(file.path)
    let draft = try CheckpointDraft(
      path: file.path, checkpoint: checkpoint, configuration: configuration, options: options)
    // What cannot be read cannot be shown to be unused either.
    if let name = checkpoint.unreadable.keys.min(), let reason = checkpoint.unreadable[name] {
      throw .unreadableEvidence(path: file.path, name: name, reason: reason)
    }
    return try draft.result()
  }
}
