import FixresBase
import FixresIR
import FixresImaging
import FixresMethod
import FixresRuntime
import Synchronization
import TestSupport
import Testing

/// What workers compute has the bits of what this process computes, in whatever order and however often it comes.
@Suite struct PictureWorkerTests {
  let data: PictureFolder
  let store: TemporaryFolder
  let model: Model

  init() throws {
    data = try PictureFolder(classes: 3, perClass: 8)
    store = try TemporaryFolder()
    model = try SmallModel.residual(side: 16, classes: 3)
  }

  /// How a worker that is no good spoils its records.
  private enum Fault: CaseIterable {
    case nothing, missing, flipped, cut, contradiction, failure
  }

  /// Workers that compute the last samples first, in parts, the first part twice.
  private func workers(_ fault: Fault = .nothing, memory: Bool = false) -> PictureWorkers {
    PictureWorkers(folder: store.path) { task, results in
      guard fault != .failure, var records = try? Self.compute(task, memory: memory, skips: fault == .missing)
      else { return false }
      switch fault {
      case .flipped: records[30] ^= 1
      case .cut: records.removeLast(8)
      case .contradiction:
        // A second record of a sample, sound in itself, with other bits.
        guard let other = try? Self.compute(task, memory: memory, skips: false, shift: 1) else {
          return false
        }
        records += other
      case .nothing, .missing, .failure: break
      }
      return (try? AtomicFileWriter.write(records, to: results)) != nil
    }
  }

  private static func compute(
    _ task: String, memory: Bool, skips: Bool, shift: Int = 0
  ) throws -> [UInt8] {
    let paths = try FileContents.read(task + "/pictures").array.split(separator: 0).map {
      FileName.text(of: Array($0))
    }
    let labels = try FileContents.read(task + "/labels").array
    let json = try #require(try JSON.parse(FileContents.read(task + "/task.json")).objectValue)
    let variants = try #require(json["variants"]?.integerValue)
    let worker = try PictureWorker(path: task, threads: 1)
    let files = try paths.map { try FileContents.read($0).array }
    var samples: [PictureWorker.Sample] = []
    let blocks = files.map { bytes -> UnsafeMutableRawBufferPointer in
      let block = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 8)
      block.copyBytes(from: bytes)
      return block
    }
    defer { for block in blocks { block.deallocate() } }
    for number in (skips ? 1 : 0)..<paths.count * variants {
      let place = number / variants
      let other = (place + shift) % paths.count
      samples.append(
        .init(
          number: number, label: Int(labels[4 * place]),
          picture: memory ? .memory(UnsafeRawBufferPointer(blocks[other])) : .file(paths[other])))
    }
    samples.reverse()
    let half = samples.count / 2
    return try worker.run(Array(samples[half...])) + worker.run(Array(samples[..<half]))
      + worker.run(Array(samples[half...]))
  }

  private func preprocessor(_ model: Model) throws(ImageError) -> Preprocessor {
    try Preprocessor(model.metadata.preprocessing, size: model.graph.resolution)
  }

  private func evaluate(_ workers: PictureWorkers?, isSubset: Bool = false) throws -> Evaluation {
    let folder = try ImageFolder(path: data.folder.path)
    var choice = ClassMatching.Choice()
    var metadata = model.metadata
    metadata.labels = folder.classes
    choice.isSubset = isSubset
    let matching = try ClassMatching(folder.classes, metadata, classCount: 3, choice: choice)
    return try Evaluation.run(
      Session(model: model), over: LabelledPictures(folder, matching), preprocessor: preprocessor(model),
      cached: CachedModel(model, in: workers.map { FeatureCache($0) }))
  }

  @Test(arguments: [false, true]) func evaluatesToTheLastDigit(isSubset: Bool) throws {
    let broken = data.folder.path + "/class 1/broken.ppm"
    try AtomicFileWriter.write(Array("P6 9 9 255\n".utf8), to: broken)
    let expected = try evaluate(nil, isSubset: isSubset)
    for memory in [false, true] {
      let found = try evaluate(workers(memory: memory), isSubset: isSubset)
      #expect(found.images == 24 && found.loss == expected.loss && found.top1Count == expected.top1Count)
      #expect(found.top5Count == expected.top5Count && found.overAll == expected.overAll)
      #expect(found.failures.kept.map(\.path) == [broken])
      #expect(
        found.failures.kept.map(\.error.description) == expected.failures.kept.map(\.error.description))
    }
  }

  @Test(arguments: [Augmentation.none, Augmentation(.flip), Augmentation(.shift, seed: 5)])
  func samplesHaveTheSameBits(_ augmentation: Augmentation) throws {
    let paths = try ImageFolder(path: data.folder.path).entries.map(\.path)
    func rows(_ workers: PictureWorkers?) throws -> [[Float]] {
      var rows: [[Float]] = []
      let run = PictureRun(
        try Session(model: model), try preprocessor(model), augmentation: augmentation,
        cached: CachedModel(model, in: workers.map { FeatureCache($0) }))
      _ = try run.run(over: LabelledPictures(path: data.folder.path, unlabelled: paths)) {
        rows.append([Float($0.index), Float($0.variant)] + Array($0.logits) + Array($0.features))
      }
      return rows
    }
    #expect(try rows(workers()) == rows(nil))
  }

  @Test(
    arguments: FineTuningOptions.Mode.allCases, [FineTuningOptions.Normalisation.exact, .batch])
  func fineTunesToTheSameBits(
    mode: FineTuningOptions.Mode, normalisation: FineTuningOptions.Normalisation
  ) throws {
    let folder = try ImageFolder(path: data.folder.path)
    let training = LabelledPictures(
      folder, try ClassMatching(folder.classes, model.metadata, classCount: 3))
    for budget in [1 << 31, 20_000] {
      func tuned(_ cache: FeatureCache?) throws -> FineTuningResult {
        var options = FineTuningOptions(resolution: Extent(square: 24))
        (options.mode, options.normalisation, options.memoryBudget) = (mode, normalisation, budget)
        options.schedule.epochs = 2
        options.statePath = store.path + "/state"
        options.cache = cache
        return try FineTuning(
          model, training: training, validation: training, options: options,
          preprocessor: preprocessor
        ).run()
      }
      let (expected, found) = (try tuned(nil), try tuned(FeatureCache(workers())))
      #expect(found.model.constants == expected.model.constants)
      #expect(found.after.score.losses == expected.after.score.losses)
      #expect(found.before.statistics.mean == expected.before.statistics.mean)
    }
  }

  @Test(arguments: [BatchNormLayers.last, .all]) func statisticsMergeToTheSameBits(
    layers: BatchNormLayers
  ) throws {
    let paths = try ImageFolder(path: data.folder.path).entries.map(\.path)
    func adapted(_ cache: FeatureCache?) throws -> Model {
      var (model, adaptation) = (self.model, BatchNormAdaptation())
      (adaptation.layers, adaptation.cache) = (layers, cache)
      _ = try adaptation.apply(
        to: &model, pictures: LabelledPictures(path: "pictures", unlabelled: paths),
        preprocessor: preprocessor(model))
      return model
    }
    #expect(try adapted(FeatureCache(workers())).constants == adapted(nil).constants)
  }

  @Test func whatWorkersGetWrongIsAnError() throws {
    for (fault, expected) in [
      (Fault.missing, WorkerFault.missing(sample: 0, count: 24)), (.contradiction, .twice(sample: 11)),
      (.failure, .notComputed),
    ] {
      #expect(throws: MethodError.workers(expected)) { try evaluate(workers(fault)) }
    }
    for fault in [Fault.flipped, .cut] {
      let error = #expect(throws: MethodError.self) { try evaluate(workers(fault)) }
      guard case .workers(.record) = error else {
        Issue.record("\(fault): \(String(describing: error))")
        continue
      }
    }
    #expect(TestData.names(in: store.path).isEmpty)
  }

  /// Other kernels give other bits, which no result would show.
  @Test func otherKernelsAreRefused() throws {
    let written = Mutex("")
    let tampering = PictureWorkers(folder: store.path) { task, _ in
      let file = task + "/task.json"
      guard let bytes = try? FileContents.read(file).array,
        var object = try? JSON.parse(Bytes(bytes)).objectValue
      else { return false }
      object["kernels"] = "other kernels"
      try? AtomicFileWriter.write(Array(JSON.object(object).serialized().utf8), to: file)
      do { _ = try PictureWorker(path: task, threads: 1) } catch {
        written.withLock { $0 = "\(error)" }
      }
      return false
    }
    #expect(throws: MethodError.workers(.notComputed)) { try evaluate(tampering) }
    #expect(written.withLock { $0 }.hasPrefix("expected the kernels other kernels"))
  }

  /// A description beside the network of another task would have pictures written beyond its input.
  @Test(arguments: [[4000, 4000], [8, 300], [16, 17], [0, 16]]) func otherSizesAreRefused(_ size: [Int])
    throws
  {
    let isRefused = Mutex(false)
    let tampering = PictureWorkers(folder: store.path) { task, _ in
      let file = task + "/task.json"
      guard let bytes = try? FileContents.read(file).array,
        var object = try? JSON.parse(Bytes(bytes)).objectValue
      else { return false }
      object["size"] = JSON(size)
      try? AtomicFileWriter.write(Array(JSON.object(object).serialized().utf8), to: file)
      isRefused.withLock { $0 = (try? PictureWorker(path: task, threads: 1)) == nil }
      return false
    }
    #expect(throws: MethodError.workers(.notComputed)) { try evaluate(tampering) }
    #expect(isRefused.withLock { $0 })
  }

  @Test func namesOfAListAreBytes() throws {
    let names: [[UInt8]] = [Array("e\u{301}".utf8), Array("\u{E9}".utf8), [0xFF]]
    let path = store.path + "/list"
    var list: [UInt8] = []
    for name in names {
      list += name + [0]
      list += Array("a/".utf8) + name + [0]
    }
    try AtomicFileWriter.write(list, to: path)
    let listed = try ImageFolder(list: path)
    #expect(listed.classes.map(FileName.bytes) == names && listed.entries.map(\.classIndex) == [0, 1, 2])
  }

  /// Pictures in a list come in the order in which their folders would be listed.
  @Test func aListIsInTheOrderOfItsFolders() throws {
    let folder = try ImageFolder(path: data.folder.path)
    var bytes: [UInt8] = []
    for entry in folder.entries.reversed() {
      bytes +=
        FileName.bytes(of: folder.classes[entry.classIndex]) + [0] + FileName.bytes(of: entry.path) + [0]
    }
    let path = store.path + "/list"
    try AtomicFileWriter.write(bytes, to: path)
    let listed = try ImageFolder(list: path)
    #expect(listed.classes == folder.classes && listed.entries == folder.entries)
    try AtomicFileWriter.write(Array(bytes.dropLast()), to: path)
    #expect(throws: ImageError.noClasses(path: path)) { try ImageFolder(list: path) }
  }
}
