import FixresBase
import FixresFormats
import FixresIR
import FixresRuntime

/// Reads a checkpoint as a model: PyTorch (zip and legacy), safetensors (single and sharded), ONNX, or a `.bin`. This is
/// what `fixresc import` does.
///
/// ```swift
/// let imported = try Import("resnet50.pth").run()
/// ```
public struct Import {
  /// An input, and what the network's original program gave for it.
  public enum Reference: Sendable {
    /// Files: `input` is a `.npy` tensor `[N, C, H, W]` or a picture, `outputs` is `.npy` or JSON.
    case files(input: String, outputs: String)
    /// Input and outputs in memory.
    case pair(ReferencePair)
  }

  /// What happens on the way.
  package enum Event {
    /// The file is read.
    case read(ImportResult)
    /// So many combinations of open facts were run, of at most so many.
    case settling(done: Int, total: Int)
  }

  private enum Source {
    case path(String)
    case file(SourceFile)
  }

  private let source: Source
  private let options: ImportOptions
  /// Inputs with their outputs: they settle what the file leaves open, and prove that the model computes them.
  public var references: [Reference] = []
  /// Apply the EXIF orientation of pictures that are references.
  public var appliesOrientation = false
  /// Threads and exactness of what runs the references.
  public var session = SessionOptions()
  /// Check that the packed weights of a `.bin` are what its constants give.
  package var verifiesPackedWeights = true

  /// An import of the file at `path`; `config.json` and `preprocessor_config.json` beside it are read too.
  public init(_ path: String, options: ImportOptions = ImportOptions()) {
    (source, self.options) = (.path(path), options)
  }

  /// An import of the file whose contents are `bytes`; `path` is its name in messages, beside which other files are
  /// looked for.
  public init(_ bytes: Bytes, path: String, options: ImportOptions = ImportOptions()) {
    self.init(SourceFile(bytes, path: path), options: options)
  }

  /// An import of `file`.
  package init(_ file: SourceFile, options: ImportOptions) { (source, self.options) = (.file(file), options) }

  /// Reads the file and settles the model by the references.
  ///
  /// - Throws: `MethodError.checkpoint` where the file gives no model, `reference` where a reference can't be used or
  ///   nothing fits it, `runtime` where the packed weights of a `.bin` are not its constants.
  public func run() throws(MethodError) -> ImportedModel { try run { _ in } }

  /// Reads the file and settles the model by the references; `observe` is told what happens.
  ///
  /// - Throws: As `run()`.
  package func run(_ observe: @escaping (Event) -> Void) throws(MethodError) -> ImportedModel {
    let (file, result) = try read()
    if verifiesPackedWeights {
      do { try PackedWeightCheck.verify(result.model) } catch { throw .runtime(error) }
    }
    observe(.read(result))
    guard !references.isEmpty else { return ImportedModel(result, file.kind, nil, dropped: 0) }
    var pairs: [ReferencePair] = []
    for reference in references { pairs.append(try pair(reference, for: result.model)) }
    var settlement = ReferenceSettlement(result, isSettled: file.kind == .fixresModel, options: session)
    settlement.keepsConstants = options.finetuned?.isEmpty == false
    let report = try settlement.run(&pairs) { observe(.settling(done: $0, total: $1)) }
    var settled = settlement.result
    let dropped = settled.model.adopt(pairs, report.results)
    return ImportedModel(settled, file.kind, report, dropped: dropped)
  }

  private func read() throws(MethodError) -> (SourceFile, ImportResult) {
    do {
      let file =
        switch source {
        case .path(let path): try SourceFile.open(path)
        case .file(let file): file
        }
      return (file, try Importer.load(file, options: options))
    } catch {
      throw .checkpoint(CheckpointError(error))
    }
  }

  private func pair(_ reference: Reference, for model: Model) throws(MethodError) -> ReferencePair {
    switch reference {
    case .files(let input, let outputs):
      return try ReferenceReader.read(
        input: input, outputs: outputs, for: model, appliesOrientation: appliesOrientation)
    case .pair(let pair):
      try ReferenceReader.check(pair, for: model)
      return pair
    }
  }
}
