import FixresBase
import FixresIR
import FixresImaging
import FixresRuntime

/// A run over pictures as workers compute it: the network, how pictures become its input, and what is kept of each sample.
///
/// In a folder: `task.json`; `model.bin`, the network; `pictures`, the paths, each ended by a zero; `labels`, the class of
/// each as i32, little-endian. Workers need the first two.
package struct PictureTask {
  /// The network, ready to run.
  package let model: Model
  /// How pictures become its input.
  package let preprocessor: Preprocessor
  /// How pictures are varied.
  package let augmentation: Augmentation
  /// What is kept of each sample.
  package let content: SampleContent
  /// Whether only algorithms with the rounding of direct convolution are used.
  package let isExact: Bool
  /// The kernels of the machine that wrote the task (`Session.kernelName`).
  package let kernels: String

  static let (description, network, pictures, labels) = ("task.json", "model.bin", "pictures", "labels")
  private static let schema = 1

  /// A task of these parts.
  package init(
    _ model: Model, _ preprocessor: Preprocessor, _ augmentation: Augmentation, content: SampleContent,
    isExact: Bool, kernels: String
  ) {
    (self.model, self.preprocessor, self.augmentation) = (model, preprocessor, augmentation)
    (self.content, self.isExact, self.kernels) = (content, isExact, kernels)
  }

  // MARK: - Writing

  /// Writes the task for `pictures` to the folder at `path`, which exists.
  ///
  /// - Throws: `MethodError.workers` where the system refuses, `model` where the network can't be written.
  package func write(to path: String, _ pictures: LabelledPictures) throws(MethodError) {
    func file(_ name: String) -> String { DirectoryListing.join(path, name) }
    var copy = model
    copy.metadata.preprocessing = preprocessor.description
    do throws(IRError) { try ModelFile.write(copy, to: file(Self.network)) } catch { throw .model(error) }
    do throws(FileError) {
      var list = try AtomicFileWriter(path: file(Self.pictures))
      for entry in pictures.entries { try list.write(FileName.bytes(of: entry.path) + [0]) }
      try list.commit()
      var labels = try AtomicFileWriter(path: file(Self.labels))
      for label in pictures.labels {
        try labels.write(withUnsafeBytes(of: label.littleEndian) { Array($0) })
      }
      try labels.commit()
      let text = JSON.object(json(pictures.count * augmentation.variantCount)).serialized()
      try AtomicFileWriter.write(Array(text.utf8), to: file(Self.description))
    } catch {
      throw .workers(.file(error))
    }
  }

  private func json(_ samples: Int) -> JSON.Object {
    var object = JSON.Object()
    object["schema"] = JSON(Self.schema)
    object["samples"] = JSON(samples)
    object["variants"] = JSON(augmentation.variantCount)
    object["record_bytes"] = JSON(SampleRecord.stride(content.byteCount))
    object["size"] = preprocessor.size.json
    object["exif"] = .bool(preprocessor.appliesOrientation)
    object["maximum_pixels"] = JSON(preprocessor.limits.maximumPixels)
    object["exact"] = .bool(isExact)
    object["kernels"] = .string(kernels)
    object["augment"] = .string(augmentation.kind.rawValue)
    object["seed"] = .string("\(augmentation.seed)")
    switch content {
    case .results(let logits, let features, let reading):
      object["logits"] = JSON(logits)
      object["features"] = JSON(features)
      if let reading {
        object["outputs"] = .string(reading.meaning.rawValue)
        object["scores"] = JSON(reading.scoreCount)
        object["competing"] = reading.competing.map { JSON($0) } ?? .null
      }
    case .moments(let maps): object["moments"] = .array(maps.map { JSON([$0.channels, $0.positions]) })
    }
    return object
  }

  // MARK: - Reading

  /// Reads the task in the folder at `path`.
  ///
  /// - Throws: `MethodError.workers`, or `model` or `image` where a part is refused.
  package init(path: String) throws(MethodError) {
    let file = DirectoryListing.join(path, Self.description)
    let fault = MethodError.workers(.task(path: file, expected: "the description"))
    let bytes: Bytes
    do { bytes = try FileContents.read(file, limit: FileContents.textLimit) } catch {
      throw .workers(.file(error))
    }
    guard let object = (try? JSON.parse(bytes))?.objectValue, object["schema"]?.integerValue == Self.schema,
      let size = object["size"]?.arrayValue?.compactMap(\.integerValue), size.count == 2,
      let exif = object["exif"]?.boolValue, let limit = object["maximum_pixels"]?.integerValue,
      let exact = object["exact"]?.boolValue, let kernels = object["kernels"]?.stringValue,
      let content = Self.content(object),
      let kind = object["augment"]?.stringValue.flatMap(Augmentation.Kind.init),
      let seed = object["seed"]?.stringValue.flatMap(UInt64.init)
    else { throw fault }
    let model: Model
    do throws(IRError) { model = try ModelFile.open(DirectoryListing.join(path, Self.network)) } catch {
      throw .model(error)
    }
    let preprocessor: Preprocessor
    do {
      preprocessor = try Preprocessor(
        model.metadata.preprocessing, size: Extent(size[0], size[1]), appliesOrientation: exif,
        limits: DecodingLimits(maximumPixels: limit))
    } catch {
      throw .image(error)
    }
    self.init(
      model, preprocessor, Augmentation(kind, seed: seed), content: content, isExact: exact,
      kernels: kernels)
    guard fits else { throw fault }
  }

  private static func content(_ object: JSON.Object) -> SampleContent? {
    if let list = object["moments"]?.arrayValue {
      let maps = list.compactMap { item -> SampleContent.Map? in
        let sides = item.arrayValue?.compactMap(\.integerValue) ?? []
        guard sides.count == 2, sides[0] > 0, sides[1] > 0 else { return nil }
        return SampleContent.Map(channels: sides[0], positions: sides[1])
      }
      return maps.count == list.count && (1...2).contains(maps.count) ? .moments(maps) : nil
    }
    guard let logits = object["logits"]?.integerValue, let features = object["features"]?.integerValue,
      logits >= 0, features >= 0
    else { return nil }
    guard let outputs = object["outputs"]?.stringValue else {
      return .results(logits: logits, features: features, reading: nil)
    }
    guard let meaning = OutputMeaning(rawValue: outputs), let scores = object["scores"]?.integerValue
    else { return nil }
    var competing: [Int]?
    if let list = object["competing"]?.arrayValue {
      competing = list.compactMap(\.integerValue)
      guard let competing, competing.count == list.count, !competing.isEmpty,
        competing.allSatisfy((0..<max(scores, 0)).contains)
      else { return nil }
    }
    let reading = ScoreReading(meaning, logitCount: scores, competing: competing)
    return .results(logits: logits, features: features, reading: reading)
  }

  /// Whether pictures become what the network takes, and the content is of what it gives.
  private var fits: Bool {
    guard preprocessor.size == model.graph.resolution,
      preprocessor.mode.channelCount == model.graph.imageInput?.type.channels
    else { return false }
    let features = model.graph.output(GraphOutput.features).map { model.graph[$0].type.elementCount } ?? 0
    switch content {
    case .results(let logits, let kept, let reading):
      return [0, model.classCount].contains(logits) && [0, features].contains(kept)
        && (reading.map { $0.scoreCount == model.classCount && $0.scoreCount > 0 } ?? true)
    case .moments(let maps):
      let counts = [model.classCount, features]
      return zip(maps, counts).allSatisfy { map, count in
        Int.checkedProduct([map.channels, map.positions]) == count
      }
    }
  }
}

extension ScoreReading {
  /// A meaning of outputs that gives this reading its function.
  fileprivate var meaning: OutputMeaning {
    switch function {
    case .softmax: .softmax
    case .sigmoidOfEach, .sigmoidOfOne: .sigmoid
    }
  }
}
