import FixresBase
import FixresIR
import FixresImaging
import FixresMethod
import FixresRuntime
import Synchronization
import TestSupport
import Testing

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

@Suite struct ContentHashTests {
  private func hash(_ text: String) -> String { ContentHash(text).text }

  /// From the reference implementation, seed 0.
  @Test func equalsTheReference() {
    #expect(hash("") == "00000000000000000000000000000000")
    #expect(hash("The quick brown fox jumps over the lazy dog") == "e34bbc7bbc071b6c7a433ca9c49a9347")
    #expect(hash("hello") == "cbd8a7b341bd9b025b1e906a48ae1d19")
  }

  @Test func everyByteAndTheLengthCount() {
    var seen: Set<ContentHash> = []
    for count in 0...70 { #expect(seen.insert(ContentHash(String(repeating: "a", count: count))).inserted) }
    for place in 0..<70 {
      var bytes = [UInt8](repeating: 97, count: 70)
      bytes[place] ^= 1
      #expect(seen.insert(bytes.withUnsafeBytes { ContentHash($0) }).inserted)
    }
    #expect(ContentHash("a", seed: ContentHash("b")) != ContentHash("a", seed: ContentHash("c")))
  }
}

/// What a cache gives has the bits of what is computed, and nothing that is stale or damaged is ever given.
@Suite struct FeatureCacheTests {
  let data: PictureFolder
  let store: TemporaryFolder
  let model: Model

  init() throws {
    data = try PictureFolder(classes: 2, perClass: 12)
    store = try TemporaryFolder()
    model = try SmallModel.residual(side: 16, classes: 2)
  }

  private var path: String { store.path + "/cache" }

  private struct Result: Sendable {
    var rows: [[Float]] = []
    var indices: [Int] = []
    var cached = 0
    var turned = 0
    var failed: [String] = []

    func sameRows(as other: Result) -> Bool {
      rows == other.rows && indices == other.indices && turned == other.turned && failed == other.failed
    }
  }

  private func run(
    _ cache: FeatureCache?, _ model: Model? = nil, _ augmentation: Augmentation = .none,
    pictures: [String]? = nil,
    crop: Double = 0.875
  ) throws -> Result {
    let model = model ?? self.model
    let session = try Session(model: model)
    var rule = model.metadata.preprocessing
    rule.cropShare = crop
    let preprocessor = try Preprocessor(rule, size: model.graph.resolution)
    var labelled = LabelledPictures(
      path: data.folder.path,
      unlabelled: try pictures ?? ImageFolder(path: data.folder.path).entries.map(\.path))
    labelled.allowsFailures = true
    var result = Result()
    let summary = try PictureRun(
      session, preprocessor, augmentation: augmentation, cached: CachedModel(model, in: cache)
    ).run(over: labelled) {
      result.rows.append(Array($0.logits) + Array($0.features))
      result.indices.append($0.index * 10 + $0.variant)
    }
    (result.cached, result.turned) = (summary.cachedCount, summary.turnedCount)
    result.failed = summary.failures.kept.map(\.path)
    #expect(summary.images == result.rows.count)
    return result
  }

  private var files: [String] { TestData.names(in: path).map { path + "/" + $0 } }
  private func byteCount(_ path: String) -> Int { (try? MappedFile.open(path).count) ?? 0 }

  @Test(arguments: [Augmentation.none, Augmentation(.flip), Augmentation(.shift, seed: 5)])
  func theSameBitsWithAndWithout(_ augmentation: Augmentation) throws {
    try AtomicFileWriter.write(Array("P6 9 9 255\n".utf8), to: data.folder.path + "/class 1/broken.ppm")
    let plain = try run(nil, nil, augmentation)
    let first = try run(FeatureCache(path: path), nil, augmentation)
    let second = try run(FeatureCache(path: path), nil, augmentation)
    let samples = 24 * augmentation.variantCount
    #expect(plain.rows.count == samples && plain.failed.count == 1)
    #expect(first.sameRows(as: plain) && first.cached == 0)
    #expect(second.sameRows(as: plain) && second.cached == samples)
  }

  /// Half of it kept, as after an interruption; the rest follows in order.
  @Test(arguments: [Augmentation.none, Augmentation(.flip)])
  func whatIsMissingIsComputedInItsPlace(_ augmentation: Augmentation) throws {
    let plain = try run(nil, nil, augmentation)
    let all = try ImageFolder(path: data.folder.path).entries.map(\.path)
    let kept = all.indices.filter { $0 % 3 == 1 }.map { all[$0] }
    _ = try run(FeatureCache(path: path), nil, augmentation, pictures: kept)
    let rest = try run(FeatureCache(path: path), nil, augmentation)
    #expect(rest.sameRows(as: plain) && rest.cached == kept.count * augmentation.variantCount)
  }

  @Test func nothingStaleIsGiven() throws {
    let cache = FeatureCache(path: path)
    _ = try run(cache)
    // Another picture in the same file, of the same length and time.
    let picture = data.folder.path + "/class 0/picture 03.ppm"
    var status = stat()
    stat(picture, &status)
    var bytes = try MappedFile.open(picture).array
    for index in bytes.count - 900..<bytes.count { bytes[index] ^= 0x55 }
    try AtomicFileWriter.write(bytes, to: picture)
    var times = [
      timeval(tv_sec: status.st_mtim.tv_sec, tv_usec: 0), timeval(tv_sec: status.st_mtim.tv_sec, tv_usec: 0),
    ]
    utimes(picture, &times)
    let changed = try run(FeatureCache(path: path))
    #expect(changed.cached == 23)
    #expect(try changed.sameRows(as: run(nil)))
    // A picture under another name is the same picture.
    rename(picture, data.folder.path + "/class 0/a.ppm")
    let renamed = try run(FeatureCache(path: path))
    #expect(renamed.cached == 24)
    #expect(try renamed.sameRows(as: run(nil)))
    // One weight, the crop, the size: another run.
    var other = model
    var weight = other.constants["fc.bias"]?.floats ?? []
    weight[0] = weight[0].nextUp
    try other.setConstant("fc.bias", to: Tensor(shape: [2], weight))
    let reweighted = try run(FeatureCache(path: path), other)
    #expect(reweighted.cached == 0)
    #expect(try reweighted.sameRows(as: run(nil, other)))
    #expect(try run(FeatureCache(path: path), crop: 0.9).cached == 0)
    let larger = try Trunk.retargeted(model, to: Extent(square: 20))
    #expect(try run(FeatureCache(path: path), larger).cached == 0)
    #expect(try run(FeatureCache(path: path), nil, Augmentation(.flip)).cached == 0)
  }

  @Test func damageIsComputedAgain() throws {
    let plain = try run(nil)
    _ = try run(FeatureCache(path: path))
    let file = try #require(files.first)
    let sound = try MappedFile.open(file).array
    func put(_ bytes: [UInt8], _ name: String) throws -> Result {
      for old in files { unlink(old) }
      try AtomicFileWriter.write(bytes, to: file)
      let result = try run(FeatureCache(path: path))
      #expect(result.sameRows(as: plain), "\(name)")
      return result
    }
    #expect(try put(sound, "sound").cached == 24)
    var random = SeededRandom(seed: 9)
    for round in 0..<40 {
      var bytes = sound
      bytes[random.nextInt(in: 64..<bytes.count)] ^= UInt8(1 << random.nextInt(in: 0..<8))
      // Padding is the one part that may change without harm.
      #expect(try put(bytes, "round \(round)").cached >= 23)
    }
    for count in [0, 1, 63, 64, 65, sound.count / 2, sound.count - 1] {
      #expect(try put(Array(sound[..<count]), "cut to \(count)").cached < 24)
    }
    for place in 0..<36 {
      var bytes = sound
      bytes[place] ^= 0x80
      #expect(try put(bytes, "header byte \(place)").cached == 0)
    }
    #expect(try put(sound + [1, 2, 3], "half a record more").cached == 24)
    _ = store.makeFolder("cache/\(file.split(separator: "/").last ?? "")x.fixresfeatures")
    #expect(try run(FeatureCache(path: path)).sameRows(as: plain))
  }

  @Test func twoProcessesShareAFolder() throws {
    let plain = try run(nil)
    let results = Mutex<[Bool]>([])
    let (test, path) = (self, path)
    Concurrently.perform(4) { _ in
      for _ in 0..<3 {
        let isSame = (try? test.run(FeatureCache(path: path)))?.sameRows(as: plain) ?? false
        results.withLock { $0.append(isSame) }
      }
    }
    #expect(results.withLock { $0 } == [Bool](repeating: true, count: 12))
    #expect(try run(FeatureCache(path: path)).cached == 24)
  }

  @Test func theFolderStaysWithinItsLimit() throws {
    let limit = 20_000
    let plain = try run(nil)
    for round in 0..<12 {
      var other = model
      try other.setConstant("fc.bias", to: Tensor(shape: [2], [Float(round), 0]))
      #expect(try run(FeatureCache(path: path, limit: limit), other).rows.count == 24)
      #expect(files.reduce(0) { $0 + byteCount($1) } <= limit, "round \(round)")
    }
    #expect(files.count > 1, "what fits is kept")
    // A limit below one run: part of it is kept, and the run is right.
    let small = FeatureCache(path: store.path + "/small", limit: 1000)
    #expect(try run(small).sameRows(as: plain) && small.isFull)
    #expect(TestData.names(in: small.path).reduce(0) { $0 + byteCount(small.path + "/" + $1) } <= 1000)
    // A folder that can't be made or written costs nothing but the keeping.
    let file = store.path + "/file"
    try AtomicFileWriter.write([1], to: file)
    let refused = FeatureCache(path: file)
    #expect(try run(refused).sameRows(as: plain) && refused.isFull)
    #expect(throws: FileError.self) { try refused.requireWritable() }
  }

  @Test func whatIsRemovedIsTheCachesOwn() throws {
    let cache = FeatureCache(path: path)
    _ = try run(cache)
    try AtomicFileWriter.write([1], to: path + "/notes.txt")
    cache.remove()
    #expect(TestData.names(in: path) == ["notes.txt"])
    unlink(path + "/notes.txt")
    cache.remove()
    #expect(!store.names.contains("cache"))
  }

  // MARK: - Fine-tuning

  private func tuned(
    _ mode: FineTuningOptions.Mode, budget: Int, _ cache: FeatureCache?, limit: Int? = nil
  ) throws -> FineTuningResult {
    let folder = try ImageFolder(path: data.folder.path)
    let matching = try ClassMatching(folder.classes, model.metadata, classCount: 2)
    var options = FineTuningOptions(resolution: Extent(square: 24))
    (options.mode, options.memoryBudget, options.cache) = (mode, budget, cache)
    options.schedule.epochs = 2
    options.schedule.batchSize = 5
    options.statePath = store.path + "/out.partial"
    let training = LabelledPictures(folder, matching, limit: limit)
    return try FineTuning(
      model, training: training, validation: nil, options: options,
      preprocessor: FineTuning.statedPreprocessor
    ).run()
  }

  /// In each way to compute the samples: one pass over maps, two passes beyond the memory, features alone.
  @Test(arguments: [
    (FineTuningOptions.Mode.statistics, 1 << 30), (.statistics, 20_000), (.affine, 1 << 30),
    (.classifier, 1 << 30),
  ])
  func fineTuningGivesTheSameBits(_ mode: FineTuningOptions.Mode, _ budget: Int) throws {
    let plain = try tuned(mode, budget: budget, nil)
    let first = try tuned(mode, budget: budget, FeatureCache(path: path))
    #expect(first.model.constants == plain.model.constants)
    let second = try tuned(mode, budget: budget, FeatureCache(path: path))
    #expect(second.model.constants == plain.model.constants && second.extraction.cachedCount == 24)
    #expect(
      second.after.score.loss == plain.after.score.loss && second.before.score.hits == plain.before.score.hits
    )
  }
}
