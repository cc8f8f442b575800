import FixresBase
import FixresIR

/// Any supported file to a model: our own `.bin` as it is, an ONNX model by its nodes, a checkpoint by its names.
package enum Importer {
  /// The model at `path`; a checkpoint gives an unfused graph at its training resolution.
  package static func load(
    path: String, options: ImportOptions = .init()
  ) throws(FormatError) -> ImportResult {
    do { try options.validate() } catch { throw .architecture(path: path, error) }
    let bytes: Bytes
    do { bytes = try MappedFile.open(path) } catch { throw .file(error) }
    var result =
      switch FileKind.detect(bytes) {
      case .fixresModel: try loadModelFile(bytes, path: path, options: options)
      case .onnx: try OnnxImporter.load(bytes, path: path, options: options)
      default: try loadCheckpoint(bytes, path: path, options: options)
      }
    if let finetuned = options.finetuned {
      let overlay = try FineTunedOverlay.apply(finetuned, to: &result.model)
      result.notes += overlay.notes
      result.ignored += overlay.ignored
    }
    do { try result.model.check() } catch { throw .model(path: path, error) }
    return result
  }

  // MARK: .bin

  private static func loadModelFile(
    _ bytes: Bytes, path: String, options: ImportOptions
  ) throws(FormatError) -> ImportResult {
    if let option = options.checkpointOnly.first {
      throw .architecture(
        path: path,
        .invalidOption(name: option, expected: "a checkpoint", found: "a .bin, which is already settled"))
    }
    var model: Model
    do { model = try ModelFile.read(bytes) } catch { throw .model(path: path, error) }
    if let size = options.trainResolution { model.metadata.trainResolution = size }
    if let mean = options.mean { model.metadata.preprocessing.mean = mean }
    if let std = options.standardDeviation { model.metadata.preprocessing.standardDeviation = std }
    if let labels = options.labels {
      let read = try LabelFile.read(labels, classes: model.classCount)
      model.metadata.labels = read.labels
      model.metadata.synsets = read.synsets
    }
    return ImportResult(
      model: model, architecture: model.metadata.architecture, assumed: model.metadata.assumptions,
      wrapper: nil, parameters: parameterCount(of: model.graph), ignored: [], notes: [])
  }

  /// Elements of all constants but running statistics.
  static func parameterCount(of graph: Graph) -> Int {
    graph.constants.reduce(0) { total, constant in
      let value = graph[constant]
      let isStatistic = value.name.hasSuffix(".running_mean") || value.name.hasSuffix(".running_var")
      return total + (isStatistic ? 0 : value.type.elementCount)
    }
  }

  // MARK: Checkpoints

  private static func loadCheckpoint(
    _ bytes: Bytes, path: String, options: ImportOptions
  ) throws(FormatError) -> ImportResult {
    let checkpoint = try Checkpoint.read(bytes, path: path, key: options.key)
    let configuration = try SourceConfiguration.beside(path)
    var assembly = CheckpointAssembly(
      path: path, checkpoint: checkpoint, configuration: configuration, options: options)
    return try assembly.run()
  }
}
