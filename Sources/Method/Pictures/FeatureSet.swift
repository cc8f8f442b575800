import FixresBase
import FixresIR
import FixresImaging
import FixresRuntime

/// Pooled features of pictures at one test resolution, with what the classifier made of them.
package struct FeatureSet: Sendable {
  /// `[samples, stride]`, rows padded with zeros.
  package let store: SampleStore
  /// Number of features of a sample.
  package let featureCount: Int
  /// The class of each sample.
  package private(set) var labels: [Int32] = []
  /// Indices of the pictures that the samples show.
  package private(set) var pictures: [Int] = []
  /// Accuracy and loss of the classifier on the samples; empty where classes do not matter.
  package private(set) var score: ClassificationScore
  /// How the run went.
  package private(set) var summary = PictureRun.Summary()

  /// Number of samples.
  package var count: Int { labels.count }

  /// Runs `session` of `model` over `pictures` and keeps the features.
  ///
  /// - Throws: `MethodError.noFeatures`, `cache`, and what the run over the pictures refuses.
  package init(
    _ session: Session, _ preprocessor: Preprocessor, _ pictures: LabelledPictures,
    augmentation: Augmentation = .none, keepsLogits: Bool = false, memoryBudget: Int = .max,
    path: String = "features", model: Model? = nil, cached: CachedModel? = nil,
    progress: PictureRun.Progress = { _, _ in }
  ) throws(MethodError) {
    guard session.featureCount > 0 else { throw MethodError.noFeatures }
    featureCount = session.featureCount
    store = try SampleStore(
      capacity: pictures.count * augmentation.variantCount,
      floatsPerSample: SampleStore.stride(session.featureCount), memoryBudget: memoryBudget, path: path)
    let run = PictureRun(
      session, preprocessor, augmentation: augmentation, model: model, cached: cached)
    let reading = pictures.reading
    score = ClassificationScore(
      reading ?? ScoreReading(.logits, logitCount: session.classCount), keepsLogits: keepsLogits)
    var score = score
    var (labels, indices): ([Int32], [Int]) = ([], [])
    let needs = PictureRun.Needs(logits: keepsLogits, reading: reading)
    let hasClasses = session.classCount > 0
    summary = try run.run(over: pictures, needs, progress: progress) { sample in
      let row = store.append()
      for index in sample.features.indices { row[index] = sample.features[index] }
      labels.append(pictures.labels[sample.index])
      indices.append(sample.index)
      guard let reading, hasClasses else { return }
      let label = Int(pictures.labels[sample.index])
      score.add(sample.outcome(label, reading), logits: sample.logits, label: label)
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

  /// The distribution of the features, all channels together.
  package var statistics: ActivationStatistics {
    guard featureCount != store.floatsPerSample else {
      return ActivationStatistics(features: store.values, images: count)
    }
    return compact.withUnsafeBufferPointer { ActivationStatistics(features: $0, images: count) }
  }
}
