import FixresBase
import FixresIR

/// The facts that timm's or Hugging Face's `config.json` states about the weights in its folder.
package struct SourceConfiguration: Sendable {
  /// The library that wrote the file.
  package enum Origin: String, Hashable, Sendable {
    case timm
    case huggingFace = "hugging face"
  }

  /// Path of the `config.json`.
  package var path: String
  /// The library that wrote the file.
  package var origin: Origin
  /// timm's name of the network; nil for Hugging Face's files.
  package var architecture: String?
  /// What the file states about the network.
  package var network = NetworkStatement()
  /// Class names in the order of the logits; empty where there are none.
  package var labels: [String] = []
  /// WordNet synsets in the order of the logits; empty where there are none.
  package var synsets: [String] = []
  /// How images become the input, as far as the file states it.
  package var pictures = PictureStatement(.configuration)
  /// What the library does where the file states nothing.
  package var customPictures = PictureStatement(.family)
  /// Size of the training images, in pixels.
  package var trainResolution: Extent? { pictures.trainResolution }
  /// Non-fatal findings, a sentence each.
  package var notes: [String] = []

  private init(path: String, origin: Origin) {
    self.path = path
    self.origin = origin
  }

  /// Reads `config.json`, and Hugging Face's `preprocessor_config.json`, in the folder of `checkpoint`.
  ///
  /// - Returns: nil where there is no `config.json` or another library wrote it.
  /// - Throws: `FormatError`, for a file that is not JSON or states something that is not supported.
  package static func beside(_ checkpoint: String) throws(FormatError) -> SourceConfiguration? {
    let folder = folder(of: checkpoint)
    let configuration = folder + "config.json"
    guard let json = try parse(configuration) else { return nil }
    let found: SourceConfiguration?
    do { found = try read(json, path: configuration) } catch { throw .architecture(path: checkpoint, error) }
    guard var result = found, result.origin == .huggingFace else { return found }
    let processor = folder + "preprocessor_config.json"
    guard let json = try parse(processor) else { return result }
    do {
      try result.readProcessor(ConfigurationReader(json: json, path: processor))
    } catch {
      throw .architecture(path: checkpoint, error)
    }
    return result
  }

  private static func folder(of path: String) -> String {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "" }
    return String(path[...slash])
  }

  private static func parse(_ path: String) throws(FormatError) -> JSON? {
    let bytes: Bytes
    do {
      bytes = try FileContents.read(path, limit: FileContents.textLimit)
    } catch {
      if case .notFound = error { return nil }
      throw .file(error)
    }
    do {
      return try JSON.parse(bytes)
    } catch {
      throw .malformedJSON(path: path, error)
    }
  }

  /// Reads a parsed `config.json`; nil where it is of neither library.
  ///
  /// - Throws: `ArchitectureError`, for a field of another type or a network that is not supported.
  package static func read(_ json: JSON, path: String) throws(ArchitectureError) -> SourceConfiguration? {
    let reader = ConfigurationReader(json: json, path: path)
    if let type = json["model_type"]?.stringValue, type == "resnet" {
      var result = SourceConfiguration(path: path, origin: .huggingFace)
      try result.readHuggingFace(reader)
      return result
    }
    guard json["architecture"]?.stringValue != nil else { return nil }
    var result = SourceConfiguration(path: path, origin: .timm)
    try result.readTimm(reader)
    return result
  }

  // MARK: timm

  private mutating func readTimm(_ reader: ConfigurationReader) throws(ArchitectureError) {
    let name = reader.json["architecture"]?.stringValue ?? ""
    architecture = name
    try readTimmNetwork(reader)
    let fields = reader.section("pretrained_cfg") ?? reader
    try readTimmPictures(fields)
    labels = try reader.strings("label_names") ?? []
    if labels.isEmpty { labels = try fields.strings("label_names") ?? [] }
    resolveSynsets(reader.json["label_descriptions"] ?? fields.json["label_descriptions"])
  }

  /// Replaces labels that are synsets by their descriptions, where the file has all of them.
  private mutating func resolveSynsets(_ descriptions: JSON?) {
    guard !labels.isEmpty, labels.allSatisfy(LabelFile.isSynset) else { return }
    synsets = labels
    let described = labels.compactMap { descriptions?[$0]?.stringValue }
    if described.count == labels.count { labels = described }
  }

  // MARK: Hugging Face

  private mutating func readHuggingFace(_ reader: ConfigurationReader) throws(ArchitectureError) {
    try readHuggingFaceNetwork(reader)
    guard let names = reader.json["id2label"]?.objectValue else { return }
    labels = try reader.labels("id2label", names)
    if labels.enumerated().allSatisfy({ $0.element == "LABEL_\($0.offset)" }) { labels = [] }
    if !labels.isEmpty, labels.allSatisfy(LabelFile.isSynset) { synsets = labels }
  }
}
