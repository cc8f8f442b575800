import FixresBase
import FixresIR
import FixresImaging
import FixresRuntime

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Rows of floats, one a sample, in memory or, beyond a budget, in a file that the system pages in.
package final class SampleStore: @unchecked Sendable {
  // Sendable because one run fills it, and readers come after.
  package let floatsPerSample: Int
  package private(set) var count = 0
  /// Whether the rows lie in a file.
  package let isOnDisk: Bool
  package let base: UnsafeMutablePointer<Float>
  private let byteCount: Int
  private let capacity: Int

  /// Room for `capacity` samples; beyond `memoryBudget` bytes in a nameless file beside `path`.
  package init(
    capacity: Int, floatsPerSample: Int, memoryBudget: Int, path: String
  ) throws(MethodError) {
    guard let bytes = Int.checkedProduct([max(capacity, 1), max(floatsPerSample, 1), 4]) else {
      throw .cache(path: path, byteCount: .max, errno: ENOMEM)
    }
    isOnDisk = bytes > memoryBudget
    let memory =
      isOnDisk
      ? try Self.mapFile(beside: path, bytes)
      : mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | Self.anonymous, -1, 0)
    guard let memory, memory != MAP_FAILED else { throw .cache(path: path, byteCount: bytes, errno: errno) }
    base = memory.bindMemory(to: Float.self, capacity: bytes / 4)
    (self.capacity, self.floatsPerSample, byteCount) = (capacity, floatsPerSample, bytes)
  }

  deinit { munmap(base, byteCount) }

  #if canImport(Darwin)
    private static let anonymous = MAP_ANON
  #else
    private static let anonymous = MAP_ANONYMOUS
  #endif

  /// Maps a file of `byteCount` bytes whose name is gone at once, so that nothing is left behind in any case.
  private static func mapFile(beside path: String, _ byteCount: Int) throws(MethodError)
    -> UnsafeMutableRawPointer?
  {
    let name = path + ".cache-\(getpid())"
    let descriptor = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw .cache(path: name, byteCount: byteCount, errno: errno) }
    unlink(name)
    defer { close(descriptor) }
    #if canImport(Darwin)
      let status = ftruncate(descriptor, off_t(byteCount)) == 0 ? 0 : errno
    #else
      // A hole that the disk has no room for would end the process when it is written to.
      let status = posix_fallocate(descriptor, 0, off_t(byteCount))
    #endif
    guard status == 0 else { throw .cache(path: name, byteCount: byteCount, errno: status) }
    return mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
  }

  /// The next row, to be filled; floats beyond what is written are zero.
  package func append() -> UnsafeMutablePointer<Float> {
    precondition(count < capacity, "a store of \(capacity) samples is full")
    count += 1
    return base + (count - 1) * floatsPerSample
  }

  package subscript(index: Int) -> UnsafePointer<Float> {
    UnsafePointer(base + index * floatsPerSample)
  }

  /// All rows, one after another.
  package var values: UnsafeBufferPointer<Float> {
    UnsafeBufferPointer(start: base, count: count * floatsPerSample)
  }
}

/// Pooled features of pictures at one test resolution, with what the classifier made of them.
package struct FeatureSet: Sendable {
  /// `[samples, stride]`, rows padded with zeros.
  package let store: SampleStore
  package let featureCount: Int
  package private(set) var labels: [Int32] = []
  /// Indices of the pictures that the samples show.
  package private(set) var pictures: [Int] = []
  package private(set) var score = ClassificationScore()
  package private(set) var summary = PictureRun.Summary()

  package var count: Int { labels.count }

  /// Runs `session` over `pictures` and keeps the features.
  package init(
    _ session: Session, _ preprocessor: Preprocessor, _ pictures: LabelledPictures,
    augmentation: Augmentation = .none, keepsLogits: Bool = false, memoryBudget: Int = .max,
    path: String = "features", progress: PictureRun.Progress = { _, _ in }
  ) throws {
    guard session.featureCount > 0 else { throw MethodError.noFeatures }
    featureCount = session.featureCount
    store = try SampleStore(
      capacity: pictures.count * augmentation.variantCount,
      floatsPerSample: ClassifierTrainer.stride(session.featureCount), memoryBudget: memoryBudget, path: path)
    let run = PictureRun(session, preprocessor, augmentation: augmentation)
    var score = ClassificationScore(keepsLogits: keepsLogits)
    var (labels, indices): ([Int32], [Int]) = ([], [])
    summary = try run.run(over: pictures, progress: progress) { sample in
      let row = store.append()
      for index in sample.features.indices { row[index] = sample.features[index] }
      labels.append(pictures.labels[sample.index])
      indices.append(sample.index)
      score.add(sample.logits, label: Int(pictures.labels[sample.index]))
    }
    (self.labels, self.pictures, self.score) = (labels, indices, score)
  }

  /// The features without their padding, `[samples, featureCount]`.
  package var compact: [Float] {
    var result: [Float] = []
    result.reserveCapacity(count * featureCount)
    for index in 0..<count {
      result += UnsafeBufferPointer(start: store[index], count: featureCount)
    }
    return result
  }

  package var statistics: ActivationStatistics {
    guard featureCount != store.floatsPerSample else {
      return ActivationStatistics(features: store.values, images: count)
    }
    return compact.withUnsafeBufferPointer { ActivationStatistics(features: $0, images: count) }
  }
}

/// Accuracy and loss, with each picture's outcome for a paired comparison.
package struct ClassificationScore: Sendable {
  package private(set) var evaluation = Evaluation()
  /// Whether each picture's greatest logit was the right one.
  package private(set) var hits: [Bool] = []
  /// `[pictures, classes]` where they are kept.
  package private(set) var logits: [Float] = []
  package private(set) var labels: [Int32] = []
  private let keepsLogits: Bool

  package init(keepsLogits: Bool = false) { self.keepsLogits = keepsLogits }

  package var top1: Double { evaluation.top1 }
  package var top5: Double { evaluation.top5 }
  package var loss: Double { evaluation.loss }
  package var images: Int { evaluation.images }

  package mutating func add(_ row: UnsafeBufferPointer<Float>, label: Int) {
    evaluation.count(row, label)
    hits.append(Evaluation.rank(of: label, in: row) == 0)
    if keepsLogits {
      logits += row
      labels.append(Int32(label))
    }
  }

  /// The mean of the two scores' softmax outputs, scored anew; both must have kept the logits of the same pictures.
  package static func averaged(_ first: ClassificationScore, _ second: ClassificationScore)
    -> ClassificationScore
  {
    precondition(
      first.labels == second.labels && first.logits.count == second.logits.count,
      "only results of the same pictures can be averaged")
    var result = ClassificationScore()
    let classes = first.logits.count / max(first.labels.count, 1)
    for (index, label) in first.labels.enumerated() {
      let range = index * classes..<(index + 1) * classes
      let a = first.logits[range].withUnsafeBufferPointer(Evaluation.probabilities)
      let b = second.logits[range].withUnsafeBufferPointer(Evaluation.probabilities)
      // The logarithm of a mean probability is a logit that gives it back.
      let row = zip(a, b).map { Float(log(max(($0 + $1) / 2, 1e-300))) }
      row.withUnsafeBufferPointer { result.add($0, label: Int(label)) }
    }
    return result
  }
}
